#include "seccomp_gate.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "access_calls.h"
#include "blocked_signals.h"
#include "number_scanner.h"
#include "process_directory.h"
#include "security_modules.h"

namespace tracegate {
namespace {

// Seconds that the child may take: another process may be asked what to answer (SECCOMP_RET_USER_NOTIF).
constexpr unsigned kPatience = 2;

constexpr size_t kCalls = 6;

int AskOneself(Call call) {
  const auto self = static_cast<pid_t>(syscall(SYS_getpid));
  switch (call) {
    case Call::kPtrace:
      return AskPtrace(self);
    case Call::kProcessVmReadv:
      return AskProcessVmReadv(self);
    case Call::kPidfdGetfd:
      return AskPidfdGetfd(self);
    case Call::kKcmp:
      return AskKcmp(self);
    case Call::kLsmListModules:
      return AskLsmListModules();
    case Call::kLandlockCreateRuleset:
      return AskLandlock();
  }
  return ENOSYS;
}

// In the child, which is a copy of a process that may have other threads: it calls nothing that takes a lock.
[[noreturn]] void AskAndExit(Call call) {
  // SIGSYS would leave a core file of this copy.
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
  _exit(AskOneself(call));
}

GateAnswer AskByChild(Call call) {
  const BlockedSignals blocked;
  // Not fork(): what others have registered with pthread_atfork() stays out of it. Without a signal at its end nobody but
  // us hears of it.
  const auto child = static_cast<pid_t>(syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL));
  if (child == 0) AskAndExit(call);
  if (child < 0) return {Gate::kUnknown, errno};
  int status = 0;
  if (RetryEintr([&] { return waitpid(child, &status, __WALL); }) != child) return {Gate::kUnknown, errno};
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGSYS) return {Gate::kRefused, 0};
    return {Gate::kUnknown, WTERMSIG(status) == SIGALRM ? ETIMEDOUT : EINTR};
  }
  const int error = WEXITSTATUS(status);
  if (error == 0) return {Gate::kOpen, 0};
  // Every kernel has ptrace.
  return {error == ENOSYS && call != Call::kPtrace ? Gate::kUnknown : Gate::kRefused, error};
}

bool HasFilter() {
  return prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL) != 0;
}

// How many filters this thread has, which can only grow; -1 before Linux 5.9, which does not say it.
int64_t CountFilters() {
  constexpr std::string_view kLine = "\nSeccomp_filters:";
  const UniqueFd file(open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC));
  FileBuffer buffer;
  if (!file || ReadFile(file, &buffer) < 0) return -1;
  const size_t line = buffer.text().find(kLine);
  if (line == std::string_view::npos) return -1;
  int64_t count = -1;
  return NumberScanner(buffer.text().substr(line + kLine.size())).Decimal(&count) ? count : -1;
}

}  // namespace

GateAnswer AskGate(Call call) {
  if (!HasFilter()) return {Gate::kOpen, 0};
  static thread_local int64_t known_filters = -1;
  static thread_local std::array<std::optional<GateAnswer>, kCalls> known;
  const int64_t filters = CountFilters();
  if (filters < 0 || filters != known_filters) known = {};
  known_filters = filters;
  std::optional<GateAnswer>& answer = known[static_cast<size_t>(call)];
  if (!answer) answer = AskByChild(call);
  const GateAnswer said = *answer;
  if (said.gate == Gate::kUnknown) answer.reset();
  return said;
}

}  // namespace tracegate
