#pragma once

#include <sys/types.h>

#include "syscall/result.h"

namespace tracegate {

// Attach, wait for the stop, detach: what a debugger does. It does stop the target, for microseconds; signals
// that arrive meanwhile are passed on, and a target that was stopped stays stopped.
//
// PTRACE_SEIZE and PTRACE_INTERRUPT rather than PTRACE_ATTACH: both pass the same ptrace_attach()
// (kernel/ptrace.c), but the SIGSTOP of PTRACE_ATTACH outlives a tracer that dies half-way, or a target that
// doesn't stop in time, and who may trace a process may not always signal it to take that back. So killing
// the tracer at any point leaves nothing.
Answer ProbeStoppingAttach(pid_t pid);

}  // namespace tracegate
