#pragma once

#include <sys/types.h>

#include "launch/confine.h"

namespace tracegate {

enum class Deny { kNo, kSealed, kDetached, kPreload };

struct LaunchOptions {
  Deny deny = Deny::kNo;
  Confine confine = Confine::kNo;
  int report_fd = -1;  // where the report about `confine` goes
  bool declares_tracer = false;
  unsigned long tracer = 0;  // as PR_SET_PTRACER takes it
  bool declares_itself = false;  // the tracer is the command
  bool declares_tree = false;  // each process of the command's tree declares the tracer, and not the command alone
  bool core_off = false;
  int hold_fd = -1;  // the command starts when a DebuggingOrder comes from there
  const char* kept_socket = nullptr;  // no command: launch/socket_keeper.h
  bool die_with_parent = false;  // SIGTERM when the parent ends: gdb and strace then detach their target
  char** command = nullptr;  // its words, with the null pointer at the end
};

// All words after `--` are the command's. Options for the environment (--environment, --setenv) take effect at once.
// The function ends the process if the options make no sense.
LaunchOptions ParseLaunchOptions(char** words);

}  // namespace tracegate
