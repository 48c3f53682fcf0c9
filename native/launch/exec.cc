#include "launch/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>

#include "node/inheritance.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// Reads the strings of /proc/self/cmdline (assumption `command-line` of lib/kernel/node-internals.ts) or environ. Node's
// own strings are decoded text, which loses bytes that are
// not UTF-8, and Node removes NODE_CHANNEL_FD from its environment.
int ReadStrings(const char* path, std::vector<std::string>* strings) {
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return -errno;
  std::string all;
  char buffer[16384];
  for (;;) {
    const ssize_t got = RetryEintr([&] { return read(fd.get(), buffer, sizeof buffer); });
    if (got < 0) return -errno;
    if (got == 0) break;
    all.append(buffer, static_cast<size_t>(got));
  }
  for (size_t from = 0; from < all.size();) {
    strings->emplace_back(all.c_str() + from);
    from += strings->back().size() + 1;
  }
  return 0;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

int Exec(const std::string& program, const std::vector<std::string>& options, size_t count) {
  std::vector<std::string> own, environment;
  if (const int result = ReadStrings("/proc/self/cmdline", &own); result < 0) return result;
  if (own.size() < count) return -E2BIG;
  std::vector<std::string> words = {program};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), own.end() - static_cast<std::ptrdiff_t>(count), own.end());

  // The kernel refuses /proc/self/environ to a process that is not dumpable. Such a process passes on Node's own
  // environment.
  const bool is_raw = ReadStrings("/proc/self/environ", &environment) == 0;
  const std::vector<char*> pointers = Pointers(environment);
  RestoreInheritance();
  execve(program.c_str(), Pointers(words).data(), is_raw ? pointers.data() : environ);
  return -errno;
}

}  // namespace tracegate
