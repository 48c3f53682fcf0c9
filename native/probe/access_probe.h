#pragma once

#include <sys/types.h>

#include <optional>

#include "probe/seccomp_gate.h"
#include "syscall/result.h"

namespace tracegate {

// Asks the kernel's own check, ptrace_may_access(PTRACE_MODE_ATTACH_REALCREDS), for the calling thread and `pid`,
// without an attach. The way is mm/process_vm_access.c, process_vm_rw_core(), or kernel/pid.c, pidfd_getfd(), if the
// first way gives no answer. The question has no effect on the target. ptrace() also refuses kernel threads, zombies,
// the caller's own group and a second tracer, which this check does not see.
Answer ProbeAccess(pid_t pid);

// Asks the same question by one call alone. The answer is no if a seccomp filter blocks that call for the calling
// thread. Call::kKcmp asks for PTRACE_MODE_READ_REALCREDS. Call::kPerfEventOpen opens an event of the target and closes
// that event at once: probe/perf_event.h.
Answer ProbeCall(pid_t pid, Call call);

// As ProbeAccess(), but a filter that blocks ptrace(2) for the calling thread answers first.
Answer ProbeAttach(pid_t pid);

// Returns an answer if a seccomp filter blocks ptrace(2) for the calling thread, or may do so.
std::optional<Answer> PtraceGate();

}  // namespace tracegate
