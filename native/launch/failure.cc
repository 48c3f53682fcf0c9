#include "launch/failure.h"

#include <string.h>
#include <unistd.h>

#include "syscall/result.h"

namespace tracegate {

void Say(const std::string& line) {
  const std::string whole = "tracegate: " + line + "\n";
  // If standard error is closed or full, the message is lost.
  const ssize_t written =
      RetryEintr([&] { return write(STDERR_FILENO, whole.data(), whole.size()); });
  static_cast<void>(written);
}

void Fail(ExitCode code, const std::string& line) {
  Say(line);
  _exit(code);
}

void FailErrno(ExitCode code, const std::string& what, int error, const std::string& advice) {
  Fail(code, what + ": " + strerror(error) + (advice.empty() ? "" : ": " + advice));
}

std::string Quoted(const std::string& word) {
  std::string quoted = "\"";
  for (const char character : word) {
    quoted += static_cast<unsigned char>(character) < 0x20 || character == 0x7f ? '?' : character;
  }
  return quoted + "\"";
}

}  // namespace tracegate
