#pragma once

#include <sys/types.h>

#include <chrono>
#include <mutex>

#include "syscall/result.h"

namespace tracegate {

// Attaches with PTRACE_SEIZE, which does not stop the target, and detaches at once. The tracer is a thread that exits,
// and the kernel detaches the targets of an exiting tracer (kernel/ptrace.c, exit_ptrace). The function returns when
// the target is untraced again. PTRACE_SEIZE waits for a target inside execve (cred_guard_mutex). After `limit` the
// answer is ETIMEDOUT, and nothing stays attached.
//
// This process probes a target with one thread at a time: threads that probe a target together would meet each other as
// tracers.
//
// A signal that reaches the target in those microseconds stops the target. The kernel reports the stop to any thread of
// the tracer's process that waits for the target. So a child that an event loop waits for must be probed on the thread
// of that loop.
Answer ProbeSeize(pid_t pid, std::chrono::milliseconds limit);

// Returns whether PTRACE requests for `pid` reach the kernel's code. False: a seccomp filter answers instead.
bool IsPtraceHeard(pid_t pid);

// While the lock is held, no probe of this process is attached to `pid`. The lock is not held if a probe is stuck for
// longer than `limit`.
std::unique_lock<std::timed_mutex> HoldSeizesOff(pid_t pid, std::chrono::milliseconds limit);

enum class Parent : int { kElsewhere = 0, kThisThread = 1, kOtherThread = 2 };

// Returns whether `pid` is a child of this process, and whether the calling thread forked that child. The event loop of
// the forking thread waits for the child.
Parent ParentOf(pid_t pid);

}  // namespace tracegate
