#include "syscall/pidfd_info.h"

#include <sys/ioctl.h>

#include <cstdint>

#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// include/uapi/linux/pidfd.h: the headers of an older C library lack all of it.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t ids[11];
  int32_t exit_code;
  uint32_t core_dump;
  uint32_t core_signal;
};
static_assert(sizeof(PidfdInfo) == 72, "PIDFD_INFO_SIZE_VER1");

constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);  // PIDFD_GET_INFO
constexpr uint64_t kCoreDump = 1 << 4;                          // PIDFD_INFO_COREDUMP

// PIDFD_COREDUMP_SKIP, _USER and _ROOT: fs/pidfs.c, pidfs_coredump_mask().
constexpr uint32_t kDisabled = 1 << 1;
constexpr uint32_t kUser = 1 << 2;
constexpr uint32_t kRoot = 1 << 3;

}  // namespace

int DumpableOf(pid_t pid) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return -errno;
  PidfdInfo info = {};
  info.mask = kCoreDump;
  const int result = ToResult(ioctl(process.get(), kGetInfo, &info));
  if (result < 0) return result;
  // The kernel is older, or the process has no memory.
  if ((info.mask & kCoreDump) == 0) return -EOPNOTSUPP;
  if ((info.core_dump & kDisabled) != 0) return 0;
  if ((info.core_dump & kUser) != 0) return 1;
  if ((info.core_dump & kRoot) != 0) return 2;
  return -EOPNOTSUPP;
}

}  // namespace tracegate
