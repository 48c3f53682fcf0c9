#pragma once

#include "syscall/result.h"

namespace tracegate {

// System calls that attach to another process or read it, and calls that report which security modules run.
enum class Call : int {
  kPtrace = 0,
  kProcessVmReadv = 1,
  kPidfdGetfd = 2,
  kKcmp = 3,
  kLsmListModules = 4,
  kLandlockCreateRuleset = 5,
  kPerfEventOpen = 6,
};

enum class Gate {
  kOpen,     // the call reaches the kernel's own code
  kRefused,  // a seccomp filter of the calling thread answers with `error`, or kills the caller if `error` is 0
  kUnknown,  // `error` is from a filter, or from a kernel without that call
};

struct GateAnswer {
  Gate gate;
  int error;
};

// Returns whether a call of the calling thread reaches the kernel. A filter may kill the caller, so under a filter a
// child asks. The child asks about itself, which no other rule refuses (kernel/ptrace.c, __ptrace_may_access()). For
// perf_event_open the child asks for something that the kernel answers before every rule. A filter that looks at the
// arguments may answer differently for another target.
GateAnswer AskGate(Call call);

}  // namespace tracegate
