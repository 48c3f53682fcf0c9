#pragma once

#include <limits.h>
#include <sys/stat.h>

#include "launch/directory.h"
#include "syscall/unique_fd.h"

namespace tracegate {

// What must not change between the copying and the exec. The owner of a file can change everything but its
// ctime.
struct Untouched {
  struct stat directory;
  struct stat program;
  char name[NAME_MAX + 1];  // the program's, in the directory
};

// Forks the keeper of a private directory: nobody's child, in a session of its own, holding none of the
// command's descriptors. It removes the directory when this process ends, whatever has become of it by then.
// Returns the pipe that tells it of the exec: write an Untouched, and let exec close it. Ends the process if
// there can't be a keeper.
UniqueFd StartKeeper(const PrivateDirectory& directory, char** arguments);

}  // namespace tracegate
