#pragma once

#include <limits.h>
#include <sys/stat.h>

#include "launch/directory.h"
#include "syscall/unique_fd.h"

namespace tracegate {

// Facts that must stay the same between the copying and the exec. The owner of a file can change all its times but the
// ctime.
struct Untouched {
  struct stat directory;
  struct stat program;
  char name[NAME_MAX + 1];  // the name of the program in the directory
};

// Forks the keeper of a private directory, in a session of its own, without a parent that waits and without the
// command's descriptors. The keeper removes the directory when this process ends, even if this process has executed
// another program by then.
//
// Returns the pipe that tells the keeper of the exec: the caller writes an Untouched, and exec closes the pipe. The
// function ends the process if the keeper cannot be started.
UniqueFd StartKeeper(const PrivateDirectory& directory, char** arguments);

}  // namespace tracegate
