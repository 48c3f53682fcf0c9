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
  // Signals 1 to 32, and capabilities; -1 where the kernel has no such line.
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

// Whether the lines are there that every kernel has, and each line of ours holds what it should.
bool ParseStatus(std::string_view text, ProcessStatus* status);

// The first line: the name of a process, of which line breaks and backslashes are escaped (fs/proc/array.c, proc_task_name).
bool ParseName(std::string_view text, std::string* name);

// The state of one that has ended, in status and stat.
inline bool IsZombie(char state) {
  return state == 'Z' || state == 'X';
}

}  // namespace tracegate
