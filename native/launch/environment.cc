#include "launch/environment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "launch/failure.h"
#include "launch/refusals.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// More than any exec accepts: a quarter of the stack, and at most 6 MiB (fs/exec.c, bprm_stack_limits()).
constexpr uint32_t kMost = 16 << 20;

struct Source {
  UniqueFd fd;
  uint32_t bytes;
};

Source Parse(const char* word) {
  int fd;
  uint32_t bytes;
  char junk;
  const bool is_meant = sscanf(word, "%d:%" SCNu32 "%c", &fd, &bytes, &junk) == 2;
  if (!is_meant || fd <= STDERR_FILENO || bytes > kMost) {
    Fail(kUsage, "--environment " + Quoted(word) + ": it is FD:BYTES, of a descriptor that is 3 or more");
  }
  return {UniqueFd(fd), bytes};
}

std::string Read(Source source) {
  std::string text(source.bytes, '\0');
  for (size_t length = 0; length < text.size();) {
    const ssize_t got = RetryEintr([&] { return read(source.fd.get(), &text[length], text.size() - length); });
    // The starting process is gone.
    if (got == 0) _exit(kNotLaunched);
    if (got < 0) FailErrno(kNotLaunched, "--environment " + std::to_string(source.fd.get()), errno);
    length += static_cast<size_t>(got);
  }
  return text;
}

}  // namespace

void ReceiveEnvironment(const char* word) {
  Source source = Parse(word);
  RefuseIfTraced();
  // Both strings live as long as the process.
  static std::string text;
  static std::vector<char*> all;
  text = Read(std::move(source));
  for (char** own = environ; *own != nullptr; ++own) all.push_back(*own);
  for (size_t at = 0; at < text.size(); at += strlen(&text[at]) + 1) all.push_back(&text[at]);
  all.push_back(nullptr);
  environ = all.data();
}

}  // namespace tracegate
