#include "classic_attach.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach_probe.h"
#include "unique_fd.h"

namespace tracegate {
namespace {

constexpr timespec kStopLimit = {2, 0};

// The state letter of /proc/PID/stat; 0 if it can't be had. The name before it may hold any byte, ')' too.
char StateOf(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char text[128];
  const ssize_t length = fd ? RetryEintr([&] { return read(fd.get(), text, sizeof text - 1); }) : 0;
  if (length <= 0) return 0;
  text[length] = 0;
  const char* end_of_name = strrchr(text, ')');
  return end_of_name != nullptr && end_of_name[1] == ' ' ? end_of_name[2] : '\0';
}

void* AsData(int signal) {
  return reinterpret_cast<void*>(static_cast<long>(signal));
}

// A group-stop, unlike the stop before a signal is delivered, has no siginfo (man 2 ptrace, "Group-stop").
bool IsGroupStop(pid_t pid) {
  siginfo_t info;
  return ptrace(PTRACE_GETSIGINFO, pid, nullptr, &info) != 0 && errno == EINVAL;
}

// Waits for a stop of the tracee without sleeping; false after the limit.
bool AwaitStop(pid_t pid, int* status) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    if (RetryEintr([&] { return waitpid(pid, status, __WALL | WNOHANG); }) != 0) return true;
    if (RetryEintr([&] { return sigtimedwait(&child, nullptr, &kStopLimit); }) < 0) return false;
  }
}

// The tracer's whole life, in a process of its own. The exit status is the errno.
int AttachAndDetach(pid_t pid) {
  if (ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return errno;
  for (int status; AwaitStop(pid, &status);) {
    if (!WIFSTOPPED(status)) return 0;
    const int signal = WSTOPSIG(status);
    const bool is_ours = signal == SIGSTOP || IsGroupStop(pid);
    if (ptrace(is_ours ? PTRACE_DETACH : PTRACE_CONT, pid, nullptr, AsData(is_ours ? 0 : signal)) != 0)
      return 0;
    if (is_ours) return 0;
  }
  return ETIMEDOUT;
}

}  // namespace

Answer ProbeClassicAttach(pid_t pid) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);

  const char before = StateOf(pid);
  const pid_t tracer = fork();
  if (tracer < 0) return {errno, Witness::kNone};
  if (tracer == 0) _exit(AttachAndDetach(pid));

  int status = 0;
  RetryEintr([&] { return waitpid(tracer, &status, 0); });
  const bool finished = WIFEXITED(status) && WEXITSTATUS(status) != ETIMEDOUT;
  // SIGCONT also takes back a SIGSTOP that is still pending (kernel/signal.c, prepare_signal).
  if (!finished && before != 'T') kill(pid, SIGCONT);
  if (!finished) return {WIFEXITED(status) ? ETIMEDOUT : EINTR, Witness::kNone};

  const int error = WEXITSTATUS(status);
  const bool heard = error == 0 || error == ESRCH || IsPtraceHeard(pid);
  return {error, heard ? Witness::kPtrace : Witness::kNone};
}

}  // namespace tracegate
