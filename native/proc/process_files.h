#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tracegate {

// Parsers for the files of /proc/PID other than status. A Parse function returns false if the text is not as the kernel
// writes it.

// fs/proc/array.c, do_task_stat(). The name may contain any byte, also ')' and blanks, so the last ')' ends the name.
struct ProcessStat {
  std::string name;
  char state = 0;
  int64_t ppid = -1;
  int64_t flags = -1;
  int64_t start_time = -1;
};
bool ParseStat(std::string_view text, ProcessStat* stat);

// Parses the text of the link ns/user: `user:[4026531837]`.
bool ParseUserNamespace(std::string_view link, int64_t* id);

// Returns whether the first word of a command line is node or nodejs, in any directory. `has_first` is false while the
// end of that word is missing: the caller then reads more.
bool IsNodeCommand(std::string_view command_line, bool* has_first);

}  // namespace tracegate
