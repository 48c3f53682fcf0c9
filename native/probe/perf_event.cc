#include "probe/perf_event.h"

#include <limits.h>
#include <linux/perf_event.h>
#include <unistd.h>

#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// Returns a descriptor, or -1 and errno.
long Open(const perf_event_attr* attributes, pid_t pid, unsigned long flags) {
  return RetryEintr([&] { return syscall(SYS_perf_event_open, attributes, pid, -1, -1, flags); });
}

// PERF_COUNT_SW_TASK_CLOCK needs neither the processor's counters nor the kernel hooks of other software events.
int OpenLeast(pid_t pid) {
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.disabled = 1;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  const UniqueFd event(static_cast<int>(Open(&attributes, pid, PERF_FLAG_FD_CLOEXEC)));
  return event ? 0 : errno;
}

}  // namespace

int AskPerfEventOpen(pid_t pid) {
  return OpenLeast(pid);
}

int AskPerfEventOpenOfNobody() {
  return OpenLeast(INT_MAX);
}

// An unknown flag gives EINVAL before any rule. A call without attributes gives EFAULT, or EACCES if the kernel looks
// at kernel.perf_event_paranoid first. A filter that gives one answer to every call cannot give both.
int AskPerfEventOpenIsHeard() {
  constexpr unsigned long kUnknownFlag = 1UL << 30;
  if (Open(nullptr, 0, kUnknownFlag) >= 0) return ENOSYS;  // a filter answered
  if (errno != EINVAL) return errno;
  if (Open(nullptr, 0, 0) >= 0) return ENOSYS;
  return errno == EINVAL ? EINVAL : 0;
}

}  // namespace tracegate
