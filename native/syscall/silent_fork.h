#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace tracegate {

// Forks a child that sends no SIGCHLD when it ends. A blocked SIGCHLD would stay pending through the exec and reach the
// command. `flags` are those of clone(2). waitpid(2) needs __WALL for such a child.
inline pid_t ForkSilently(unsigned long flags = 0) {
  return static_cast<pid_t>(syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL));
}

}  // namespace tracegate
