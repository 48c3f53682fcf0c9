#include "launch_hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "debugging_order.h"
#include "launch_failure.h"
#include "result.h"

namespace tracegate {
namespace {

DebuggingOrder AwaitOrder(int fd) {
  DebuggingOrder order;
  char* const bytes = reinterpret_cast<char*>(&order);
  for (size_t length = 0; length < sizeof order;) {
    const ssize_t got = RetryEintr([&] { return read(fd, bytes + length, sizeof order - length); });
    if (got < 0) FailErrno(kNotLaunched, "--hold-fd " + std::to_string(fd), errno);
    if (got == 0) _exit(kNotLaunched);
    length += static_cast<size_t>(got);
  }
  close(fd);
  return order;
}

std::string Filled(std::string word, const std::string& pid) {
  constexpr char kPlace[] = "{}";
  for (size_t at = word.find(kPlace); at != std::string::npos; at = word.find(kPlace, at + pid.size())) {
    word.replace(at, strlen(kPlace), pid);
  }
  return word;
}

void SetNumber(const char* name, int number) {
  setenv(name, std::to_string(number).c_str(), 1);
}

}  // namespace

void HoldUntilOrdered(int fd, char** words) {
  const DebuggingOrder order = AwaitOrder(fd);
  const std::string pid = std::to_string(order.pid);
  for (; *words != nullptr; ++words) {
    // They live as long as the process.
    if (strstr(*words, "{}") != nullptr) *words = strdup(Filled(*words, pid).c_str());
  }
  if (order.signal == 0) return;
  SetNumber("TRACEGATE_CRASH_THREAD", order.thread);
  SetNumber("TRACEGATE_CRASH_SIGNAL", order.signal);
}

}  // namespace tracegate
