#pragma once

#include <sys/types.h>

namespace tracegate {

// Whether the calling thread may profile the user space of `pid`: kernel/events/core.c, perf_event_open(). 0 is a yes;
// otherwise the errno.
//
// It opens the event that asks for least and closes it at once: a software clock, of user space only, that is not inherited,
// takes no samples and is disabled, so that it never counts. The target is not stopped, woken or signalled.
int AskPerfEventOpen(pid_t pid);

// As AskPerfEventOpen, of a process that never exists (include/linux/threads.h, PID_MAX_LIMIT). ESRCH: the kernel looked for
// the process, so no rule that comes before the target refuses the calling thread.
int AskPerfEventOpenOfNobody();

// 0: the call reaches the kernel's own code, whatever that then decides; otherwise the errno. It opens nothing.
int AskPerfEventOpenIsHeard();

}  // namespace tracegate
