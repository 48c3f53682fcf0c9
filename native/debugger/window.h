#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <functional>

namespace tracegate {

enum class WindowEnd : int { kClosed = 0, kDebuggerEnded = 1, kTimeUp = 2 };

struct WindowRequest {
  pid_t debugger;       // -1: any
  int64_t start_time;   // field 22 of its stat: no other process with that pid is let in
  bool declares;        // PR_SET_PTRACER: not on a kernel without Yama
  int ttl_ms;           // -1: no limit
  const void* owner;    // whose end ends the window: the environment that asked
};

// The one time in which a debugger may attach to this process: declared first, and then dumpable. What ends it, its time
// being up or the debugger's end, is waited for by a thread of its own, which closes also where the caller's thread is
// busy. `ended` is called once, on that thread or in CloseWindow, after the closing.
//
// The debugger is a process, not a number: the pidfd is its own if the start time is, and if it runs still after
// PR_SET_PTRACER, the number was its own when the kernel looked that up.
//
// 0; -EBUSY: one is open; -ESRCH: no such process, or another than was meant; -EINVAL: that is a thread; or -errno.
int OpenWindow(const WindowRequest& request, std::function<void(WindowEnd)> ended);

// When it returns, the window is closed. False: this owner has none.
bool CloseWindow(const void* owner);

// Whether one made the process dumpable that was not. For a signal handler, too.
bool IsWindowOpen();

}  // namespace tracegate
