#include "probe/asking_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "syscall/blocked_signals.h"
#include "syscall/result.h"

namespace tracegate {
namespace {

// Seconds that the child may take. Another process may decide the filter's answer, and take long
// (SECCOMP_RET_USER_NOTIF).
constexpr unsigned kPatience = 2;

[[noreturn]] void AskAndExit(int (*question)(int), int argument) {
  // Without this line SIGSYS could leave a core file of this copy of the process.
  prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL);
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  sigset_t ending;
  sigemptyset(&ending);
  for (const int signal : {SIGSYS, SIGALRM}) {
    sigaction(signal, &by_default, nullptr);
    sigaddset(&ending, signal);
  }
  sigprocmask(SIG_UNBLOCK, &ending, nullptr);
  alarm(kPatience);
  _exit(question(argument));
}

}  // namespace

ChildAnswer AskInChild(int (*question)(int), int argument) {
  const BlockedSignals blocked;
  // clone(2) instead of fork(3) skips the handlers that libraries registered with pthread_atfork(). The child sends no
  // signal at its end, so only this function learns of the end.
  const auto child = static_cast<pid_t>(syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL));
  if (child == 0) AskAndExit(question, argument);
  if (child < 0) return {ChildEnd::kFailed, errno};
  int status = 0;
  if (RetryEintr([&] { return waitpid(child, &status, __WALL); }) != child) return {ChildEnd::kFailed, errno};
  if (!WIFSIGNALED(status)) return {ChildEnd::kAnswered, WEXITSTATUS(status)};
  if (WTERMSIG(status) == SIGSYS) return {ChildEnd::kEndedByFilter, 0};
  return {ChildEnd::kFailed, WTERMSIG(status) == SIGALRM ? ETIMEDOUT : EINTR};
}

}  // namespace tracegate
