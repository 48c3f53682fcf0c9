#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tracegate {

// Lines of /proc/PID/status, as numbers: fs/proc/array.c, task_state(), task_sig(), task_cap(), task_seccomp().
struct ProcessStatus {
  char state = 0;
  int64_t tgid = -1;
  int64_t ppid = -1;
  int64_t tracer = -1;
  std::array<int64_t, 4> uids = {-1, -1, -1, -1};  // real, effective, saved, fs
  std::array<int64_t, 4> gids = {-1, -1, -1, -1};
  int64_t threads = -1;
  // Masks of signals 1 to 32, and of capabilities. -1: the kernel has no such line.
  int64_t blocked = -1;
  int64_t ignored = -1;
  int64_t caught = -1;
  int64_t inheritable = -1;
  int64_t permitted = -1;
  int64_t effective = -1;
  int64_t bounding = -1;
  int64_t no_new_privs = -1;
  int64_t seccomp = -1;
};

// Returns whether the text has the lines that every kernel writes, and each parsed line is well formed.
bool ParseStatus(std::string_view text, ProcessStatus* status);

// Parses the first line, the name of the process. The kernel escapes line breaks and backslashes in the name
// (fs/proc/array.c, proc_task_name).
bool ParseName(std::string_view text, std::string* name);

// Returns whether a state of status or stat is that of an ended process.
inline bool IsZombie(char state) {
  return state == 'Z' || state == 'X';
}

}  // namespace tracegate
