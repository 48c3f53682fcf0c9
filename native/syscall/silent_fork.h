#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace tracegate {

// A fork whose end is not announced: a SIGCHLD that is blocked would be pending still after the exec. `flags`
// are those of clone(2). waitpid(2) takes __WALL for such a child.
inline pid_t ForkSilently(unsigned long flags = 0) {
  return static_cast<pid_t>(syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL));
}

}  // namespace tracegate
