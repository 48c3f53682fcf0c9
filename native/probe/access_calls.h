#pragma once

#include <sys/types.h>

namespace tracegate {

// The access check alone, by calls that have no effect on the target. 0 is a yes; otherwise the errno.

// ptrace_may_access(PTRACE_MODE_ATTACH_REALCREDS): mm/process_vm_access.c, process_vm_rw_core().
int AskProcessVmReadv(pid_t pid);

// The same check: kernel/pid.c, pidfd_getfd().
int AskPidfdGetfd(pid_t pid);

// PTRACE_MODE_READ_REALCREDS: kernel/kcmp.c.
int AskKcmp(pid_t pid);

// No check: whether ptrace(2) reaches its code for this process, or what else answers.
int AskPtrace(pid_t pid);

}  // namespace tracegate
