#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tracegate {

// The files of /proc/PID beside status, as numbers. False: not as the kernel writes them.

// fs/proc/array.c, do_task_stat(). The name may hold any byte, also ')' and blanks: its end is the last ')'.
struct ProcessStat {
  std::string name;
  char state = 0;
  int64_t ppid = -1;
  int64_t flags = -1;
  int64_t start_time = -1;
};
bool ParseStat(std::string_view text, ProcessStat* stat);

// What the link ns/user says: `user:[4026531837]`.
bool ParseUserNamespace(std::string_view link, int64_t* id);

// Whether the first word of a command line is node or nodejs, in whatever directory. `has_first` is false while
// that word has no end, so that more is to be read.
bool IsNodeCommand(std::string_view command_line, bool* has_first);

}  // namespace tracegate
