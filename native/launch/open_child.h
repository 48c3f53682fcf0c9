#pragma once

#include <sys/types.h>

#include "syscall/unique_fd.h"

namespace tracegate {

// A child of the launcher that is dumpable, so a neighbour may trace it. There is nothing to take from it: its
// environment is wiped, and its only descriptors are two ends of pipes. It waits until the object is destroyed.
class OpenChild {
 public:
  // The child runs `prepare` first. The function ends the process if the child can't be made. `purpose` names it in the
  // message: "the holder of a user namespace".
  OpenChild(int (*prepare)(), const char* purpose);
  ~OpenChild();
  OpenChild(const OpenChild&) = delete;
  OpenChild& operator=(const OpenChild&) = delete;

  // The child is not reaped while this object lives, so the pid is its own.
  pid_t pid() const {
    return pid_;
  }
  // A neighbour may end the child at any time.
  bool IsRunning() const;
  // What `prepare` returned.
  int result() const {
    return result_;
  }

 private:
  pid_t pid_;
  int result_;
  UniqueFd end_;  // closing it ends the child
};

}  // namespace tracegate
