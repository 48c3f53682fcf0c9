#pragma once

#include <sys/types.h>

#include <string>

#include "syscall/unique_fd.h"

namespace tracegate {

// The private directory of a sealed program: TMPDIR/tracegate-PIDNS-PID-STARTTIME-XXXXXX, where TMPDIR is /tmp by
// default. The name tells a later launcher whether the process still lives.
struct PrivateDirectory {
  std::string path;
  UniqueFd fd;
};

// Ends the process, with nothing left behind, if programs cannot be put there.
PrivateDirectory MakePrivateDirectory();

// Removes the directories of this user whose process and keeper are both gone: both were killed with -9.
void RemoveStaleDirectories();

// Removes the files of the directory, then the directory.
void RemoveDirectory(const std::string& path, int fd);

}  // namespace tracegate
