#include "probe/access_probe.h"

#include <unistd.h>

#include "probe/access_calls.h"
#include "probe/perf_event.h"

namespace tracegate {
namespace {

struct Way {
  AnsweringCall answering_call;
  int (*ask)(pid_t);
};

Way WayOf(Call call) {
  switch (call) {
    case Call::kPtrace:
      return {AnsweringCall::kPtrace, AskPtrace};
    case Call::kProcessVmReadv:
      return {AnsweringCall::kProcessVmReadv, AskProcessVmReadv};
    case Call::kPidfdGetfd:
      return {AnsweringCall::kPidfdGetfd, AskPidfdGetfd};
    case Call::kKcmp:
      return {AnsweringCall::kKcmp, AskKcmp};
    case Call::kPerfEventOpen:
      return {AnsweringCall::kPerfEventOpen, AskPerfEventOpen};
    case Call::kLsmListModules:
    case Call::kLandlockCreateRuleset:
      break;  // These calls have no target.
  }
  return {AnsweringCall::kNone, nullptr};
}

// Returns an answer if a filter answers in the kernel's place, or may do so.
std::optional<Answer> ClosedGate(Call call) {
  const auto [gate, error] = AskGate(call);
  if (gate == Gate::kOpen) return std::nullopt;
  if (gate == Gate::kUnknown) return Answer{error, AnsweringCall::kNone};
  return Answer{error, WayOf(call).answering_call, true};
}

}  // namespace

Answer ProbeCall(pid_t pid, Call call) {
  if (const auto closed = ClosedGate(call)) return *closed;
  const auto [answering_call, ask] = WayOf(call);
  const int error = ask(pid);
  // perf_event_open may also refuse the caller itself (kernel.perf_event_paranoid). Behind an open gate the kernel is
  // known to answer.
  if (call == Call::kPerfEventOpen || error == 0 || error == ESRCH) return {error, answering_call};
  // A thread may always access its own group, before any other rule (kernel/ptrace.c, __ptrace_may_access()). So a
  // refusal of oneself is the answer of a kernel without that call. ESRCH of oneself means that the check passed: the
  // first thread of this process has ended, so its pid has no memory to read.
  const int own = ask(getpid());
  return {error, own == 0 || own == ESRCH ? answering_call : AnsweringCall::kNone};
}

// process_vm_readv comes first. Since Linux 6.9 each pidfd is an inode of pidfs, which every question makes and drops:
// five times the cost (docs/benchmarks.md).
Answer ProbeAccess(pid_t pid) {
  const Answer first = ProbeCall(pid, Call::kProcessVmReadv);
  const bool is_answer = first.answering_call != AnsweringCall::kNone && !first.by_filter;
  if (is_answer && (first.error == 0 || first.error == EPERM)) return first;

  // ESRCH: no such process, or one without memory, such as a zombie.
  const Answer second = ProbeCall(pid, Call::kPidfdGetfd);
  const bool is_known = second.error == 0 || second.error == ESRCH || second.error == EPERM;
  if (second.answering_call != AnsweringCall::kNone && !second.by_filter && is_known) return second;
  if (is_answer && first.error == ESRCH) return first;
  return {second.error, AnsweringCall::kNone};
}

Answer ProbeAttach(pid_t pid) {
  if (const auto closed = ClosedGate(Call::kPtrace)) return *closed;
  return ProbeAccess(pid);
}

std::optional<Answer> PtraceGate() {
  return ClosedGate(Call::kPtrace);
}

}  // namespace tracegate
