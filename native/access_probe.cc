#include "access_probe.h"

#include <limits.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "unique_fd.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

namespace tracegate {
namespace {

// The check comes before the look at the descriptor, and nobody has the descriptor INT_MAX: EBADF is a yes.
int AskPidfdGetfd(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return errno;
  const long fd = RetryEintr([&] { return syscall(SYS_pidfd_getfd, pidfd.get(), INT_MAX, 0); });
  if (fd >= 0) {
    UniqueFd unexpected(static_cast<int>(fd));
    return 0;
  }
  return errno == EBADF ? 0 : errno;
}

// One byte from the never mapped first page: EFAULT is a yes. With length 0 the kernel would not check at all.
int AskProcessVmReadv(pid_t pid) {
  char byte;
  const iovec local = {&byte, 1};
  const iovec remote = {reinterpret_cast<void*>(1), 1};
  const ssize_t read = RetryEintr([&] { return process_vm_readv(pid, &local, 1, &remote, 1, 0); });
  return read >= 0 || errno == EFAULT ? 0 : errno;
}

using Ask = int (*)(pid_t);

// A thread may always access its own group, before any other rule (kernel/ptrace.c, __ptrace_may_access). So a
// refusal of oneself is not that check's: a seccomp filter or an old kernel answered.
bool IsHeard(Ask ask) { return ask(getpid()) == 0; }

}  // namespace

Answer ProbeAccess(pid_t pid) {
  const int error = AskPidfdGetfd(pid);
  if (error == 0 || error == ESRCH || (error == EPERM && IsHeard(AskPidfdGetfd))) {
    return {error, Witness::kPidfdGetfd};
  }
  // Also for EINVAL (pidfd_open takes thread-group leaders only) and EMFILE.
  const int second = AskProcessVmReadv(pid);
  if (second == 0 || second == ESRCH || (second == EPERM && IsHeard(AskProcessVmReadv))) {
    return {second, Witness::kProcessVmReadv};
  }
  return {second, Witness::kNone};
}

}  // namespace tracegate
