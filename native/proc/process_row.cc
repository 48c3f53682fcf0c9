#include "proc/process_row.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace tracegate {
namespace {

// Returns the CPU time of all threads of `pid` in nanoseconds, or -1. The kernel tells the CPU time even to a process
// that may see nothing else of `pid`: kernel/time/posix-cpu-timers.c, pid_for_clock(). clock_getcpuclockid() would make
// one more system call.
int64_t CpuTime(pid_t pid) {
  constexpr unsigned kScheduler = 2;  // CPUCLOCK_SCHED
  const auto clock = static_cast<clockid_t>(~static_cast<unsigned>(pid) << 3 | kScheduler);
  timespec time;
  if (clock_gettime(clock, &time) != 0) return -1;
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

// Returns whether `status` of this pid is still the same file, with the same owner. Each path lookup finds the present
// inode (fs/proc/base.c, pid_revalidate()). A later process with the same pid has another inode (proc_pid_make_inode).
// So whatever was read between two looks at one inode belongs to one process.
bool IsSameFile(const ProcessDirectory& directory, const struct stat& before) {
  struct stat now;
  return directory.Stat("status", &now) == 0 && now.st_ino == before.st_ino && now.st_uid == before.st_uid &&
         now.st_gid == before.st_gid;
}

// capget(2) returns the capabilities of any process: kernel/capability.c, cap_get_target_pid().
bool HasSameCapabilities(const ProcessRow& row) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, row.pid};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) != 0) return false;
  const auto is = [](int64_t mask, uint32_t low, uint32_t high) {
    return mask == (static_cast<int64_t>(high) << 32 | low);
  };
  return is(row.status.permitted, data[0].permitted, data[1].permitted) &&
         is(row.status.effective, data[0].effective, data[1].effective);
}

void ReadUserNamespace(const ProcessDirectory& directory, unsigned wanted, FileBuffer* buffer,
                       ProcessRow* row) {
  if (directory.ReadLink("ns/user", buffer) == 0 && ParseUserNamespace(buffer->text(), &row->user_ns)) return;
  row->user_ns = -1;
  row->sees_id_maps = false;
  row->id_maps.clear();
  if ((wanted & kWantsIdMaps) == 0) return;
  for (const char* name : {"uid_map", "gid_map", "projid_map"}) {
    if (directory.Read(name, buffer) < 0) return;
    if (name[0] != 'u') row->id_maps += '\0';
    row->id_maps += buffer->text();
  }
  row->sees_id_maps = true;
}

// fs/proc/base.c, proc_pid_attr_read(): the kernel returns EINVAL if no module gives labels.
void ReadLabel(const ProcessDirectory& directory, NoLabels* no_labels, FileBuffer* buffer, ProcessRow* row) {
  if (no_labels->load(std::memory_order_relaxed)) return;
  row->label_error = directory.Read("attr/current", buffer);
  if (row->label_error == -EINVAL) no_labels->store(true, std::memory_order_relaxed);
  if (row->label_error < 0) return;
  const std::string_view text = buffer->text();
  // Some modules end the label with a NUL or a line break. For a label of nothing else, npos + 1 is 0.
  row->label = text.substr(0, text.find_last_not_of(std::string_view("\0\n", 2)) + 1);
}

bool HasSameRights(const ProcessStatus& thread, const ProcessStatus& first) {
  return thread.uids == first.uids && thread.gids == first.gids && thread.inheritable == first.inheritable &&
         thread.permitted == first.permitted && thread.effective == first.effective &&
         thread.bounding == first.bounding && thread.no_new_privs == first.no_new_privs &&
         thread.seccomp == first.seccomp;
}

// Returns whether all other threads are untraced and have the rights of the first thread. A thread that ends meanwhile
// does not count. If the result is false, lib/kernel/other-threads.ts reads the threads.
bool AreThreadsAlike(const ProcessDirectory& directory, const ProcessRow& row, FileBuffer* buffer) {
  if (row.status.threads <= 1) return true;
  std::vector<pid_t> tids;
  if (directory.ListThreads(&tids) != 0) return false;
  for (const pid_t tid : tids) {
    ProcessStatus thread;
    const std::string file = "task/" + std::to_string(tid) + "/status";
    if (tid == row.pid || directory.Read(file.c_str(), buffer) < 0) continue;
    if (!ParseStatus(buffer->text(), &thread) || thread.tracer != 0 || !HasSameRights(thread, row.status)) return false;
  }
  return true;
}

bool MayBeNode(std::string_view command_line) {
  bool has_first;
  return IsNodeCommand(command_line, &has_first) || !has_first;
}

// A process with a single thread is not a running Node: lib/kernel/node-exposure.ts.
void ReadCommandLine(const ProcessDirectory& directory, FileBuffer* buffer, ProcessRow* row) {
  if (row->status.threads == 1) return;
  if (directory.ReadWhile("cmdline", MayBeNode, buffer) < 0) return;
  bool has_first;
  row->is_node = IsNodeCommand(buffer->text(), &has_first);
  if (row->is_node) row->command_line = buffer->text();
}

// Returns whether all parts of the row are of one moment. A second look at status would cost more than these checks:
// the owner of the file (the effective ids of a dumpable process), the capabilities and the parent. If the CPU clock
// stood still, the process changed nothing else of itself.
//
// The CPU clock proves nothing for a running process, for other threads, or on a kernel with a coarse clock. The kernel
// adds the time of other threads late (kernel/sched/cputime.c, thread_group_cputime).
bool IsSettled(const ProcessDirectory& directory, const struct stat& file, int64_t cpu_time, const ProcessRow& row) {
  const ProcessStatus& status = row.status;
  const ProcessStat& stat = row.stat;
  return status.state != 'R' && stat.state != 'R' && stat.ppid == status.ppid &&
         IsZombie(stat.state) == IsZombie(status.state) && IsSameFile(directory, file) && HasSameCapabilities(row) &&
         cpu_time >= 0 && CpuTime(row.pid) == cpu_time;
}

// Returns 0 or -errno. `is_whole` becomes true if each file is as the kernel writes it and the threads are alike.
// `file` gets the stat(2) of the status file.
int ReadFiles(const ProcessDirectory& directory, unsigned wanted, NoLabels* no_labels, FileBuffer* buffer,
              ProcessRow* row, struct stat* file, bool* is_whole) {
  const UniqueFd status = directory.Open("status");
  if (!status || fstat(status.get(), file) != 0) return -errno;
  row->owner_uid = file->st_uid;
  row->owner_gid = file->st_gid;
  int error = ReadFile(status, buffer);
  if (error < 0 || !ParseStatus(buffer->text(), &row->status)) return error;
  ReadUserNamespace(directory, wanted, buffer, row);
  const bool are_threads_alike = AreThreadsAlike(directory, *row, buffer);
  if ((wanted & kWantsLabels) != 0) ReadLabel(directory, no_labels, buffer, row);
  if ((wanted & kWantsNodes) != 0) ReadCommandLine(directory, buffer, row);
  error = directory.Read("stat", buffer);
  *is_whole = error == 0 && ParseStat(buffer->text(), &row->stat) && are_threads_alike;
  return error;
}

}  // namespace

Sight SightOfError(pid_t pid, int error) {
  if (error == -EACCES || error == -EPERM) return Sight::kHidden;
  const bool may_be_gone = error == -ENOENT || error == -ESRCH;
  return may_be_gone && kill(pid, 0) != 0 && errno == ESRCH ? Sight::kGone : Sight::kUnsettled;
}

void ReadProcessRow(int proc, pid_t pid, unsigned wanted, NoLabels* no_labels, FileBuffer* buffer,
                    ProcessRow* row) {
  row->pid = pid;
  const int64_t cpu_time = CpuTime(pid);
  const ProcessDirectory directory(proc, pid);
  struct stat file;
  bool is_whole = false;
  const int error = ReadFiles(directory, wanted, no_labels, buffer, row, &file, &is_whole);
  if (error < 0) {
    row->sight = SightOfError(pid, error);
  } else {
    row->sight = is_whole && IsSettled(directory, file, cpu_time, *row) ? Sight::kSeen : Sight::kUnsettled;
  }
}

}  // namespace tracegate
