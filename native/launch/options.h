#pragma once

#include <sys/types.h>

namespace tracegate {

enum class Deny { kNo, kSealed, kDetached, kPreload };

struct LaunchOptions {
  Deny deny = Deny::kNo;
  bool declares_tracer = false;
  unsigned long tracer = 0;  // as PR_SET_PTRACER takes it
  bool core_off = false;
  int hold_fd = -1;  // a DebuggingOrder from there lets the command start
  const char* kept_socket = nullptr;  // no command: launch/socket_keeper.h
  bool die_with_parent = false;  // SIGTERM at its end: gdb and strace then let their target go
  char** command = nullptr;  // its words, with the null pointer at the end
};

// Everything after `--` is the command's. What is said of the environment (--environment, --setenv) is done at once. Ends
// the process if this can't be meant.
LaunchOptions ParseLaunchOptions(char** words);

}  // namespace tracegate
