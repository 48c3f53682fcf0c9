#include "launch/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launch/failure.h"
#include "syscall/prctl.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// '|' starts a program, and '@' names a socket (Linux 6.16). An unreadable pattern may be either.
bool IsCoreAFile() {
  UniqueFd pattern(open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC));
  char first = 0;
  return pattern && RetryEintr([&] { return read(pattern.get(), &first, 1); }) == 1 && first != '|' &&
         first != '@';
}

}  // namespace

void TurnCoreOff() {
  const rlimit one = {1, 1};
  if (setrlimit(RLIMIT_CORE, &one) == 0) return;
  const int error = errno;
  // A hard limit of 0 cannot be raised to 1 without CAP_SYS_RESOURCE. The limit 0 does prevent a core file.
  rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 && IsCoreAFile()) {
    const rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) == 0) return;
  }
  FailErrno(kNotLaunched, "--core off: setting RLIMIT_CORE to 1", error,
            "the hard limit is 0, which does not stop the handler in core_pattern: raise it, or use --deny");
}

void DeclareTracer(unsigned long tracer) {
  const int result = SetPtracer(tracer);
  if (result >= 0) return;
  const bool has_yama = access("/proc/sys/kernel/yama/ptrace_scope", F_OK) == 0;
  const bool is_pid = tracer != 0 && tracer <= 0x7fffffff;
  if (is_pid && kill(static_cast<pid_t>(tracer), 0) != 0 && errno == ESRCH) {
    Fail(kNotLaunched, "--ptracer: no process has pid " + std::to_string(tracer));
  }
  // Without Yama no code knows the option, and only the classic rules refuse a tracer.
  if (result == -EINVAL && !has_yama) return;
  FailErrno(kNotLaunched, "--ptracer: prctl(PR_SET_PTRACER)", -result);
}

}  // namespace tracegate
