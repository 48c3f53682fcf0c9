#pragma once

#include <sys/types.h>

#include "result.h"

namespace tracegate {

// Asks the kernel's own check, ptrace_may_access(PTRACE_MODE_ATTACH_REALCREDS), for the calling thread and
// `pid` without attaching: mm/process_vm_access.c, process_vm_rw_core(), or kernel/pid.c, pidfd_getfd(). No
// effect on the target. What ptrace() refuses beyond that check (kernel threads, zombies, one's own group, a
// second tracer) this does not see.
Answer ProbeAccess(pid_t pid);

// The same question by pidfd_getfd alone.
Answer ProbeGetfd(pid_t pid);

}  // namespace tracegate
