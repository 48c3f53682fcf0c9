#include "seccomp_gate.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "access_calls.h"
#include "asking_child.h"
#include "number_scanner.h"
#include "perf_event.h"
#include "process_directory.h"
#include "security_modules.h"

namespace tracegate {
namespace {

constexpr size_t kCalls = 7;

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
  // Every kernel has ptrace.
  return {number == ENOSYS && call != Call::kPtrace ? Gate::kUnknown : Gate::kRefused, number};
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
