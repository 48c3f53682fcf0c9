#pragma once

#include <sys/types.h>

#include <utility>

#include "syscall/unique_fd.h"

namespace actor {

// The life of a process in the tree: hears commands on `channel`, answers each, and ends at the channel's end of file,
// which also comes when the process at the other end ends. It sets no parent-death signal: orphans would follow another
// rule, and a change of ids clears it.
[[noreturn]] void PlayRole(tracegate::UniqueFd channel);

// fork(); or clone3() for the pid that the child shall have, which wants CAP_CHECKPOINT_RESTORE (kernel/pid.c,
// alloc_pid).
pid_t ForkWithPid(pid_t wanted);

// Forks a process that plays a role on `channel`, after it has done `leave`. Its pid; or -1 and errno.
// `wanted`: its pid, 0 for any.
template <typename Leave>
pid_t ForkRole(tracegate::UniqueFd channel, pid_t wanted, Leave leave) {
  const pid_t child = ForkWithPid(wanted);
  if (child == 0) {
    leave();
    PlayRole(std::move(channel));
  }
  return child;
}

}  // namespace actor
