#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <functional>
#include <optional>

namespace tracegate {

enum class GrantEnd : int { kClosed = 0, kDebuggerEnded = 1, kTimeUp = 2 };

struct GrantRequest {
  pid_t debugger;       // -1: any
  int64_t start_time;   // field 22 of its stat: a later process with that pid is refused
  bool declares;        // whether to call PR_SET_PTRACER: not on a kernel without Yama
  int ttl_ms;           // -1: no limit
  const void* owner;    // the environment that asked: its end closes the grant
};

// Opens the one grant, by which a debugger may attach to this process: the process first declares the debugger, and
// then becomes dumpable. A thread of its own waits for the end of the time or of the debugger. So the grant also
// closes while the caller's thread is busy. `ended` is called once, after the closing, on that thread or in
// CloseGrant().
//
// The debugger is a process, not a number. The start time proves that the pidfd is of that process. If the process
// still runs after PR_SET_PTRACER, the pid was its own when the kernel looked the pid up.
//
// Returns 0; -EBUSY: a grant is open; -ESRCH: no such process, or another one than was meant; -EINVAL: the pid is a
// thread; or -errno.
int OpenGrant(const GrantRequest& request, std::function<void(GrantEnd)> ended);

// The grant is closed when the function returns. Returns by what the grant has ended: the debugger may have ended, or
// the time may be up, before the thread that waits for them notices. Returns nullopt if this owner has no grant.
std::optional<GrantEnd> CloseGrant(const void* owner);

// Returns whether a grant has made the process dumpable that was not dumpable before. A signal handler may call this.
bool IsGrantOpen();

}  // namespace tracegate
