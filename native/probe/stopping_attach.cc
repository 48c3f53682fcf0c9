#include "probe/stopping_attach.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe/attach_probe.h"

namespace tracegate {
namespace {

constexpr timespec kStopLimit = {2, 0};
constexpr int kPtraceEventStop = 128;  // PTRACE_EVENT_STOP, include/uapi/linux/ptrace.h

sigset_t ChildSignal() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  return child;
}

// Waits for a child's change of state. Returns 0, or -errno, which is -ETIMEDOUT after the limit.
int AwaitChange(pid_t pid, int* status) {
  const sigset_t child = ChildSignal();
  for (;;) {
    const pid_t changed = RetryEintr([&] { return waitpid(pid, status, WNOHANG); });
    if (changed != 0) return changed == pid ? 0 : -errno;
    if (RetryEintr([&] { return sigtimedwait(&child, nullptr, &kStopLimit); }) < 0) return -ETIMEDOUT;
  }
}

void* AsData(int signal) {
  return reinterpret_cast<void*>(static_cast<long>(signal));
}

// The whole life of the tracer, a process whose exit status is the errno. The tracer may be killed at any point: the
// kernel then detaches the target, and drops the stop that PTRACE_INTERRUPT asked for (kernel/ptrace.c,
// __ptrace_unlink).
int AttachAndDetach(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return errno;
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return 0;
  for (int status;;) {
    if (RetryEintr([&] { return waitpid(pid, &status, __WALL); }) != pid) return errno;
    if (!WIFSTOPPED(status)) return 0;
    const bool is_ours = status >> 16 == kPtraceEventStop;
    const auto request = is_ours ? PTRACE_DETACH : PTRACE_CONT;
    if (ptrace(request, pid, nullptr, AsData(is_ours ? 0 : WSTOPSIG(status))) != 0) return 0;
    if (is_ours) return 0;
  }
}

}  // namespace

Answer ProbeStoppingAttach(pid_t pid) {
  const sigset_t child = ChildSignal();
  sigprocmask(SIG_BLOCK, &child, nullptr);

  const pid_t parent = getpid();
  const pid_t tracer = fork();
  if (tracer < 0) return {errno, AnsweringCall::kNone};
  if (tracer == 0) {
    // The parent holds the time limit. So the tracer dies with the parent.
    prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(SIGKILL), 0UL, 0UL, 0UL);
    _exit(getppid() == parent ? AttachAndDetach(pid) : ETIMEDOUT);
  }

  // A target inside execve delays the attach itself (cred_guard_mutex). A target in vfork delays the stop.
  int status = 0;
  if (const int error = AwaitChange(tracer, &status); error < 0) {
    kill(tracer, SIGKILL);
    RetryEintr([&] { return waitpid(tracer, &status, 0); });
    return {-error, AnsweringCall::kNone};
  }
  if (!WIFEXITED(status)) return {EINTR, AnsweringCall::kNone};
  const int error = WEXITSTATUS(status);
  const bool heard = error == 0 || error == ESRCH || IsPtraceHeard(pid);
  return {error, heard ? AnsweringCall::kPtrace : AnsweringCall::kNone};
}

}  // namespace tracegate
