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

// Facts of /proc/PID/stat that hold for the life of a process, and the inode of its status, which identifies the
// process. No other process ever has an inode with the same number and ctime. fs/proc/base.c, proc_pid_make_inode()
// takes the next number (fs/inode.c, get_next_ino) and the time, and the kernel cannot make 2^32 inodes in one tick.
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

// Looks at a process. With `asks`, the look contains the question of ProbeAttach(). The answer is about the process
// that is seen: its status is opened before the question and read after the question. An open file of /proc/PID fails
// with ESRCH once its process is gone, even if another process has the pid (fs/proc/base.c, proc_single_show).
//
// The tracer is read while no probe of this process is attached. kHidden: a file is unreadable or not as the kernel
// writes it, or such a probe is stuck. A process that is gone at the beginning is not asked about.
//
// `known` comes from an earlier look, at this process or another one.
ProbedProcess LookAndAsk(pid_t pid, bool asks, const ProcessIdentity& known);

}  // namespace tracegate
