#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>

#include "syscall/result.h"

namespace tracegate {

// Attaches for real with PTRACE_SEIZE, which does not stop the target, and lets go at once: the tracer is a
// thread that exits, and the kernel detaches a dying tracer's targets (kernel/ptrace.c, exit_ptrace). Returns
// when the target is untraced again. PTRACE_SEIZE waits for a target inside execve (cred_guard_mutex); after
// `limit` the answer is ETIMEDOUT and nothing is left attached.
//
// One probe of this process at a time for a target: threads that probe it together would meet each other as
// tracers.
//
// A signal that reaches the target in those microseconds stops it, and the stop is reported to whichever
// thread of the tracer's process waits for it. So a child that an event loop waits for is probed on that
// loop's own thread.
Answer ProbeSeize(pid_t pid, std::chrono::milliseconds limit);

// Whether PTRACE requests reach the kernel's code for `pid`, or a filter (seccomp) answers instead.
bool IsPtraceHeard(pid_t pid);

// While it is held, no probe of this process is attached to `pid`. Not held after `limit`: one is stuck.
std::unique_lock<std::timed_mutex> HoldSeizesOff(pid_t pid, std::chrono::milliseconds limit);

enum class Parent : int { kElsewhere = 0, kThisThread = 1, kOtherThread = 2 };

// Whether `pid` is a child of this process, and of which thread: the one that forked it, whose event loop
// waits for it.
Parent ParentOf(pid_t pid);

}  // namespace tracegate
