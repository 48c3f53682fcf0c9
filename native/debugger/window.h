#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <functional>

namespace tracegate {

enum class WindowEnd : int { kClosed = 0, kDebuggerEnded = 1, kTimeUp = 2 };

struct WindowRequest {
  pid_t debugger;       // -1: any
  int64_t start_time;   // field 22 of its stat: a later process with that pid is refused
  bool declares;        // whether to call PR_SET_PTRACER: not on a kernel without Yama
  int ttl_ms;           // -1: no limit
  const void* owner;    // the environment that asked: its end closes the window
};

// Opens the one window in which a debugger may attach to this process: the process first declares the debugger, and
// then becomes dumpable. A thread of its own waits for the end of the time or of the debugger. So the window also
// closes while the caller's thread is busy. `ended` is called once, after the closing, on that thread or in
// CloseWindow().
//
// The debugger is a process, not a number. The start time proves that the pidfd is of that process. If the process
// still runs after PR_SET_PTRACER, the pid was its own when the kernel looked the pid up.
//
// Returns 0; -EBUSY: a window is open; -ESRCH: no such process, or another one than was meant; -EINVAL: the pid is a
// thread; or -errno.
int OpenWindow(const WindowRequest& request, std::function<void(WindowEnd)> ended);

// The window is closed when the function returns. Returns false if this owner has no window.
bool CloseWindow(const void* owner);

// Returns whether a window has made the process dumpable that was not dumpable before. A signal handler may call this.
bool IsWindowOpen();

}  // namespace tracegate
