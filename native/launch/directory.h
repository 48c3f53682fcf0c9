#pragma once

#include <sys/types.h>

#include <string>

#include "syscall/unique_fd.h"

namespace tracegate {

// The private directory of a sealed program: TMPDIR/tracegate-PIDNS-PID-STARTTIME-XXXXXX, TMPDIR being /tmp
// by default. Its name tells a later start whether its process still lives.
struct PrivateDirectory {
  std::string path;
  UniqueFd fd;
};

// Ends the process, with nothing left, where programs can't be put.
PrivateDirectory MakePrivateDirectory();

// Removes those of this user whose process and whose keeper are gone: both were killed with -9.
void RemoveStaleDirectories();

// Its files, then itself.
void RemoveDirectory(const std::string& path, int fd);

}  // namespace tracegate
