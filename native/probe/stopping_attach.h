#pragma once

#include <sys/types.h>

#include "syscall/result.h"

namespace tracegate {

// Attaches, waits for the stop and detaches, as a debugger does. The target stops for microseconds. The tracer passes
// on signals that arrive meanwhile, and a stopped target stays stopped.
//
// The tracer uses PTRACE_SEIZE and PTRACE_INTERRUPT instead of PTRACE_ATTACH. Both ways pass the same ptrace_attach()
// (kernel/ptrace.c). But the SIGSTOP of PTRACE_ATTACH remains if the tracer dies half-way, or if the target stops too
// late. A process that may trace the target may not always signal it, and so could not take the SIGSTOP back. With
// PTRACE_SEIZE, killing the tracer at any point leaves nothing behind.
Answer ProbeStoppingAttach(pid_t pid);

}  // namespace tracegate
