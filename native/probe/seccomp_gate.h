#pragma once

#include "syscall/result.h"

namespace tracegate {

// Calls that attach to another process, or read it, and those that tell which security modules run.
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
  kOpen,     // it reaches the kernel's own code
  kRefused,  // a seccomp filter of the calling thread answers with `error`, or, where that is 0, ends who calls
  kUnknown,  // `error` is from a filter, or from a kernel that has no such call
};

struct GateAnswer {
  Gate gate;
  int error;
};

// Whether the calling thread may call at all. A filter may kill who calls, so where there is one a child asks, about
// itself, which no other rule refuses (kernel/ptrace.c, __ptrace_may_access()), or of perf_event_open what comes before
// every rule. It can't tell apart a filter that looks at the arguments.
GateAnswer AskGate(Call call);

}  // namespace tracegate
