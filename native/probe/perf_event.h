#pragma once

#include <sys/types.h>

namespace tracegate {

// Returns 0 if the calling thread may profile the user space of `pid`, or the errno: kernel/events/core.c,
// perf_event_open().
//
// The function opens the event that asks for least, and closes that event at once. The event is a disabled software
// clock of user space, is not inherited and takes no samples, so the clock never counts. The target is not stopped,
// woken or signalled.
int AskPerfEventOpen(pid_t pid);

// As AskPerfEventOpen(), for a pid that no process can have (include/linux/threads.h, PID_MAX_LIMIT). ESRCH: the kernel
// looked for the process, so every earlier rule admits the calling thread.
int AskPerfEventOpenOfNobody();

// Returns 0 if the call reaches the kernel's own code, or the errno. The function opens no event.
int AskPerfEventOpenIsHeard();

}  // namespace tracegate
