#pragma once

#include <sys/types.h>

namespace tracegate {

// Each function asks for the access check alone, by a call that has no effect on the target. Each returns 0 for a yes,
// or the errno.

// ptrace_may_access(PTRACE_MODE_ATTACH_REALCREDS): mm/process_vm_access.c, process_vm_rw_core().
int AskProcessVmReadv(pid_t pid);

// The same check: kernel/pid.c, pidfd_getfd().
int AskPidfdGetfd(pid_t pid);

// PTRACE_MODE_READ_REALCREDS: kernel/kcmp.c.
int AskKcmp(pid_t pid);

// Makes no access check. Returns 0 if ptrace(2) reaches the kernel's code for this process, or the errno of whatever
// answered instead.
int AskPtrace(pid_t pid);

}  // namespace tracegate
