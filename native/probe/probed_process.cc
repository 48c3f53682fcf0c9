#include "probe/probed_process.h"

#include <cerrno>
#include <chrono>

#include "probe/access_probe.h"
#include "probe/attach_probe.h"
#include "proc/process_directory.h"
#include "proc/process_files.h"

namespace tracegate {
namespace {

constexpr int64_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h

// A seize takes microseconds, unless its target is stuck.
constexpr std::chrono::milliseconds kSeizeLimit(5);

// Returns 0 or -errno. A kernel thread can become a process by exec, so its known identity is not reused.
int ReadIdentity(const ProcessDirectory& directory, const UniqueFd& status, const ProcessIdentity& known,
                 FileBuffer* buffer, ProcessIdentity* identity) {
  struct stat file;
  if (fstat(status.get(), &file) != 0) return -errno;
  const auto inode = static_cast<int64_t>(file.st_ino);
  const timespec& made = file.st_ctim;
  if (inode == known.inode && made.tv_sec == known.made.tv_sec && made.tv_nsec == known.made.tv_nsec &&
      !known.is_kernel_thread) {
    *identity = known;
    return 0;
  }
  ProcessStat stat;
  if (const int error = directory.Read("stat", buffer); error < 0) return error;
  if (!ParseStat(buffer->text(), &stat)) return -EIO;
  *identity = {inode, made, stat.start_time, (stat.flags & kKernelThread) != 0};
  return 0;
}

int ReadOnce(const UniqueFd& file, FileBuffer* buffer, ProcessStatus* status) {
  if (const int error = ReadFile(file, buffer); error < 0) return error;
  return ParseStatus(buffer->text(), status) ? 0 : -EIO;
}

// 0 or -errno.
int ReadStatus(const UniqueFd& file, pid_t pid, FileBuffer* buffer, ProcessStatus* status) {
  const int error = ReadOnce(file, buffer, status);
  if (error < 0 || status->tracer == 0) return error;
  const auto alone = HoldSeizesOff(pid, kSeizeLimit);
  return alone ? ReadOnce(file, buffer, status) : -EBUSY;
}

}  // namespace

ProbedProcess LookAndAsk(pid_t pid, bool asks, const ProcessIdentity& known) {
  ProbedProcess probed;
  const ProcessDirectory directory(pid);
  const UniqueFd status = directory.Open("status");
  if (!status && SightOfError(pid, -errno) == Sight::kGone) return probed;
  if (asks) probed.answer = ProbeAttach(pid);
  probed.sight = Sight::kHidden;
  if (!status) return probed;

  FileBuffer buffer;
  const int unidentified = ReadIdentity(directory, status, known, &buffer, &probed.identity);
  // The status comes last. A successful read proves that the process had the pid all the time.
  const int unread = ReadStatus(status, pid, &buffer, &probed.status);
  if (unread == -ESRCH) probed.sight = Sight::kGone;
  if (unread == 0 && unidentified == 0 && ParseName(buffer.text(), &probed.name)) probed.sight = Sight::kSeen;
  return probed;
}

}  // namespace tracegate
