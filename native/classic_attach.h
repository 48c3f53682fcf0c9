#pragma once

#include <sys/types.h>

#include "result.h"

namespace tracegate {

// PTRACE_ATTACH, the wait for its SIGSTOP, PTRACE_DETACH: what a debugger does. It does stop the target, for
// microseconds. Signals that arrive meanwhile are passed on, a target that was stopped stays stopped. A
// second process watches: if the tracer is killed half-way, the SIGSTOP it sent is taken back.
Answer ProbeClassicAttach(pid_t pid);

}  // namespace tracegate
