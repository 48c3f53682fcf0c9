#include "probe/seccomp_gate.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "probe/access_calls.h"
#include "probe/asking_child.h"
#include "probe/perf_event.h"
#include "probe/security_modules.h"
#include "proc/process_directory.h"
#include "proc/status_line.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

constexpr size_t kCalls = 7;

// A filter may answer every call with the errno that probe/access_calls.h takes for a yes. So each call is also asked
// for something that the kernel grants, or refuses with another errno.

int SeizeOneself(pid_t self) {
  if (syscall(SYS_ptrace, PTRACE_SEIZE, self, 1UL, 0UL) >= 0) return ENOSYS;
  // AskPtrace() also accepts ESRCH, which for another process means that the process has ended.
  return errno == EIO ? AskPtrace(self) : errno;
}

int ReadOneself(pid_t self) {
  const char byte = 1;
  char copy = 0;
  const iovec local = {&copy, 1};
  const iovec remote = {const_cast<char*>(&byte), 1};
  if (process_vm_readv(self, &local, 1, &remote, 1, 0) < 0) return errno;
  return copy == byte ? AskProcessVmReadv(self) : ENOSYS;
}

int GetOwnDescriptor(pid_t self) {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, self, 0)));
  if (!pidfd) return errno;
  const UniqueFd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), pidfd.get(), 0)));
  return copy ? AskPidfdGetfd(self) : errno;
}

int CompareOneself(pid_t self) {
  const long order = syscall(SYS_kcmp, self, self, KCMP_VM, 0UL, 0UL);
  return order < 0 ? errno : AskKcmp(self);
}

int AskOneself(Call call) {
  const auto self = static_cast<pid_t>(syscall(SYS_getpid));
  switch (call) {
    case Call::kPtrace:
      return SeizeOneself(self);
    case Call::kProcessVmReadv:
      return ReadOneself(self);
    case Call::kPidfdGetfd:
      return GetOwnDescriptor(self);
    case Call::kKcmp:
      return CompareOneself(self);
    case Call::kLsmListModules:
      return AskLsmListModules();
    case Call::kLandlockCreateRuleset:
      return AskLandlock();
    case Call::kPerfEventOpen:
      return AskPerfEventOpenIsHeard();
  }
  return ENOSYS;
}

GateAnswer AskByChild(Call call) {
  const auto ask = [](int asked) { return AskOneself(static_cast<Call>(asked)); };
  const auto [end, number] = AskInChild(ask, static_cast<int>(call));
  if (end == ChildEnd::kEndedByFilter) return {Gate::kRefused, 0};
  if (end == ChildEnd::kFailed) return {Gate::kUnknown, number};
  if (number == 0) return {Gate::kOpen, 0};
  // Every kernel has ptrace, so ENOSYS of ptrace is a filter's answer.
  return {number == ENOSYS && call != Call::kPtrace ? Gate::kUnknown : Gate::kRefused, number};
}

bool HasFilter() {
  return prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL) != 0;
}

// Returns the number of filters of this thread, which only grows. -1: the kernel does not report the number (before
// Linux 5.9).
int64_t CountFilters() {
  const UniqueFd file(open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC));
  FileBuffer buffer;
  return file && ReadFile(file, &buffer) == 0 ? ParseStatusNumber(buffer.text(), "Seccomp_filters") : -1;
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
