#include "launch/hold.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>

#include "debugger/debugging_order.h"
#include "launch/failure.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

DebuggingOrder AwaitOrder(UniqueFd fd) {
  DebuggingOrder order;
  char* const bytes = reinterpret_cast<char*>(&order);
  for (size_t length = 0; length < sizeof order;) {
    const ssize_t got = RetryEintr([&] { return read(fd.get(), bytes + length, sizeof order - length); });
    // ECONNRESET: the starting process is gone, and has not read that this process is ready.
    if (got == 0 || (got < 0 && errno == ECONNRESET)) _exit(kNotLaunched);
    if (got < 0) FailErrno(kNotLaunched, "--hold-fd " + std::to_string(fd.get()), errno);
    length += static_cast<size_t>(got);
  }
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

void HoldUntilOrdered(int fd, const std::string& program, char** words, bool obeys_sigterm) {
  // fs/exec.c, begin_new_exec(): the base name of the path
  prctl(PR_SET_NAME, program.substr(program.rfind('/') + 1).c_str());
  constexpr int kOfAll[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  struct sigaction before[4];
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  for (int i = 0; i < 4; ++i) {
    sigaction(kOfAll[i], kOfAll[i] == SIGTERM && obeys_sigterm ? nullptr : &ignore, &before[i]);
  }
  // Node's pipes are sockets (assumption `stream-is-socket` of lib/kernel/node-internals.ts). If the starting process is
  // gone by now, the read shows it.
  if (send(fd, "r", 1, MSG_NOSIGNAL) < 0 && errno == ENOTSOCK) Fail(kUsage, "--hold-fd is a socket");
  const DebuggingOrder order = AwaitOrder(UniqueFd(fd));
  for (int i = 0; i < 4; ++i) sigaction(kOfAll[i], &before[i], nullptr);
  if (order.timeout_ms > 0) {
    // The timer lasts through the exec.
    itimerval time = {};
    time.it_value = {order.timeout_ms / 1000, order.timeout_ms % 1000 * 1000};
    setitimer(ITIMER_REAL, &time, nullptr);
  }
  const std::string pid = std::to_string(order.pid);
  for (; *words != nullptr; ++words) {
    // The words live as long as the process.
    if (strstr(*words, "{}") != nullptr) *words = strdup(Filled(*words, pid).c_str());
  }
  if (order.signal == 0) return;
  SetNumber("TRACEGATE_CRASH_THREAD", order.thread);
  SetNumber("TRACEGATE_CRASH_SIGNAL", order.signal);
}

}  // namespace tracegate
