#pragma once

#include <sys/types.h>

#include <optional>

#include "probe/seccomp_gate.h"
#include "syscall/result.h"

namespace tracegate {

// Asks the kernel's own check, ptrace_may_access(PTRACE_MODE_ATTACH_REALCREDS), for the calling thread and
// `pid` without attaching: mm/process_vm_access.c, process_vm_rw_core(), or, where that is not heard, kernel/pid.c,
// pidfd_getfd(). No effect on the target. What ptrace() refuses beyond that check (kernel threads, zombies, one's own
// group, a second tracer) this does not see.
Answer ProbeAccess(pid_t pid);

// The same question by one call alone: where a seccomp filter keeps the calling thread from that call, the answer is no.
// Call::kKcmp asks for PTRACE_MODE_READ_REALCREDS. Call::kPerfEventOpen opens an event of the target and closes it at once:
// probe/perf_event.h.
Answer ProbeCall(pid_t pid, Call call);

// As ProbeAccess, where the calling thread may call ptrace(2) at all.
Answer ProbeAttach(pid_t pid);

// What keeps the calling thread from ptrace(2).
std::optional<Answer> PtraceGate();

}  // namespace tracegate
