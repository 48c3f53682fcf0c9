#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "proc/process_row.h"
#include "proc/process_status.h"
#include "syscall/result.h"

namespace tracegate {

// What /proc/PID/stat says once for the life of a process, and by which inode of its status it is known. No other process
// ever has an inode of that number and that ctime: fs/proc/base.c, proc_pid_make_inode() takes the next number (fs/inode.c,
// get_next_ino) and the time, and 2^32 of them are not made in a tick.
struct ProcessIdentity {
  int64_t inode = -1;
  timespec made = {-1, -1};
  int64_t start_time = -1;
  bool is_kernel_thread = false;
};

struct ProbedProcess {
  Sight sight = Sight::kGone;
  std::optional<Answer> answer;
  ProcessIdentity identity;
  ProcessStatus status;
  std::string name;
};

// One look at a process, and with `asks` the question of ProbeAccess() between its beginning and its end. The answer is about
// the process that is seen: its status is opened before the question and read after it, and an open file of /proc/PID fails
// with ESRCH once its process is gone, also when another has the pid (fs/proc/base.c, proc_single_show).
//
// The tracer is that of a moment in which no probe of this process is on. kHidden: a file can't be read or is not as the
// kernel writes it, or such a probe is stuck. A process that is gone at the beginning is not asked about.
//
// `known` is of an earlier look, at this process or another one.
ProbedProcess LookAndAsk(pid_t pid, bool asks, const ProcessIdentity& known);

}  // namespace tracegate
