#include "probe/access_probe.h"

#include <unistd.h>

#include "probe/access_calls.h"
#include "probe/perf_event.h"

namespace tracegate {
namespace {

struct Way {
  Witness witness;
  int (*ask)(pid_t);
};

Way WayOf(Call call) {
  switch (call) {
    case Call::kPtrace:
      return {Witness::kPtrace, AskPtrace};
    case Call::kProcessVmReadv:
      return {Witness::kProcessVmReadv, AskProcessVmReadv};
    case Call::kPidfdGetfd:
      return {Witness::kPidfdGetfd, AskPidfdGetfd};
    case Call::kKcmp:
      return {Witness::kKcmp, AskKcmp};
    case Call::kPerfEventOpen:
      return {Witness::kPerfEventOpen, AskPerfEventOpen};
    case Call::kLsmListModules:
    case Call::kLandlockCreateRuleset:
      break;  // They are about no process.
  }
  return {Witness::kNone, nullptr};
}

// Where a filter answers in the kernel's place, or may.
std::optional<Answer> ClosedGate(Call call) {
  const auto [gate, error] = AskGate(call);
  if (gate == Gate::kOpen) return std::nullopt;
  if (gate == Gate::kUnknown) return Answer{error, Witness::kNone};
  return Answer{error, WayOf(call).witness, true};
}

}  // namespace

Answer ProbeCall(pid_t pid, Call call) {
  if (const auto closed = ClosedGate(call)) return *closed;
  const auto [witness, ask] = WayOf(call);
  const int error = ask(pid);
  // perf_event_open may refuse oneself too (kernel.perf_event_paranoid), and past the gate the kernel is what answers.
  if (call == Call::kPerfEventOpen || error == 0 || error == ESRCH) return {error, witness};
  // A thread may always access its own group, before any other rule (kernel/ptrace.c, __ptrace_may_access()). So a
  // refusal of oneself is not that check's: a kernel without that call answered. ESRCH is that check's yes where the
  // first thread of this process has ended: nothing is left to be read by that pid.
  const int own = ask(getpid());
  return {error, own == 0 || own == ESRCH ? witness : Witness::kNone};
}

// process_vm_readv first: since Linux 6.9 every pidfd is an inode of pidfs, made and dropped for each
// question, which costs five times as much (docs/benchmarks.md).
Answer ProbeAccess(pid_t pid) {
  const Answer first = ProbeCall(pid, Call::kProcessVmReadv);
  const bool is_answer = first.witness != Witness::kNone && !first.by_filter;
  if (is_answer && (first.error == 0 || first.error == EPERM)) return first;

  // ESRCH: there is no such process, or it has no memory, as a zombie has none.
  const Answer second = ProbeCall(pid, Call::kPidfdGetfd);
  const bool is_known = second.error == 0 || second.error == ESRCH || second.error == EPERM;
  if (second.witness != Witness::kNone && !second.by_filter && is_known) return second;
  if (is_answer && first.error == ESRCH) return first;
  return {second.error, Witness::kNone};
}

Answer ProbeAttach(pid_t pid) {
  if (const auto closed = ClosedGate(Call::kPtrace)) return *closed;
  return ProbeAccess(pid);
}

std::optional<Answer> PtraceGate() {
  return ClosedGate(Call::kPtrace);
}

}  // namespace tracegate
