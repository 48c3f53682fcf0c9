#include "launch/open_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "launch/failure.h"
#include "syscall/close_from.h"
#include "syscall/result.h"
#include "syscall/silent_fork.h"

namespace tracegate {
namespace {

// Moves the two descriptors to 0 and 1, and closes every other one. Neither is 0, and `second` is not 1: they are the
// second and third of four numbers, each the lowest that was free.
void KeepOnly(int* first, int* second) {
  *first = dup3(*first, 0, O_CLOEXEC);
  *second = dup3(*second, 1, O_CLOEXEC);
  CloseFrom(2);
}

[[noreturn]] void Wait(int (*prepare)(), int ready, int end) {
  for (char** variable = environ; *variable != nullptr; ++variable)
    explicit_bzero(*variable, strlen(*variable));
  KeepOnly(&ready, &end);
  prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL);
  const int result = prepare();
  char byte;
  if (write(ready, &result, sizeof result) == sizeof result) RetryEintr([&] { return read(end, &byte, 1); });
  _exit(0);
}

}  // namespace

OpenChild::OpenChild(int (*prepare)(), const char* purpose) {
  int ready[2], end[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(end, O_CLOEXEC) != 0)
    FailErrno(kNotLaunched, "making a pipe", errno);
  UniqueFd ready_out(ready[0]), ready_in(ready[1]), end_out(end[0]);
  end_ = UniqueFd(end[1]);
  pid_ = ForkSilently();
  if (pid_ < 0) FailErrno(kNotLaunched, "forking " + std::string(purpose), errno);
  if (pid_ == 0) Wait(prepare, ready_in.get(), end_out.get());
  ready_in = UniqueFd();
  if (RetryEintr([&] { return read(ready_out.get(), &result_, sizeof result_); }) != sizeof result_) {
    Fail(kNotLaunched, std::string(purpose) + " was ended: start it again");
  }
}

bool OpenChild::IsRunning() const {
  siginfo_t ended = {};
  return waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && ended.si_pid == 0;
}

OpenChild::~OpenChild() {
  end_ = UniqueFd();
  RetryEintr([&] { return waitpid(pid_, nullptr, __WALL); });
}

}  // namespace tracegate
