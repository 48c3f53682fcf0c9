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

// One byte from the never mapped first page: EFAULT is a yes. With length 0 the kernel would not check at
// all. Nor does it for a process that shares our memory, which beside our own threads is only a child between
// vfork and exec.
int AskProcessVmReadv(pid_t pid) {
  char byte;
  const iovec local = {&byte, 1};
  const iovec remote = {reinterpret_cast<void*>(1), 1};
  const ssize_t read = RetryEintr([&] { return process_vm_readv(pid, &local, 1, &remote, 1, 0); });
  if (read == 0) return ENOSYS;  // never the kernel's answer: a filter's
  return read > 0 || errno == EFAULT ? 0 : errno;
}

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

using Ask = int (*)(pid_t);

// A thread may always access its own group, before any other rule (kernel/ptrace.c, __ptrace_may_access). So
// a refusal of oneself is not that check's: a seccomp filter or an old kernel answered.
bool IsHeard(Ask ask) {
  return ask(getpid()) == 0;
}

}  // namespace

// process_vm_readv first: since Linux 6.9 every pidfd is an inode of pidfs, made and dropped for each
// question, which costs five times as much (docs/benchmarks.md).
Answer ProbeAccess(pid_t pid) {
  const int error = AskProcessVmReadv(pid);
  if (error == 0 || (error == EPERM && IsHeard(AskProcessVmReadv))) return {error, Witness::kProcessVmReadv};

  // ESRCH: there is no such process, or it has no memory, as a zombie has none.
  const int second = AskPidfdGetfd(pid);
  if (second == 0 || second == ESRCH || (second == EPERM && IsHeard(AskPidfdGetfd))) {
    return {second, Witness::kPidfdGetfd};
  }
  if (error == ESRCH) return {ESRCH, Witness::kProcessVmReadv};
  return {second, Witness::kNone};
}

Answer ProbeGetfd(pid_t pid) {
  const int error = AskPidfdGetfd(pid);
  return {error, error == 0 || IsHeard(AskPidfdGetfd) ? Witness::kPidfdGetfd : Witness::kNone};
}

}  // namespace tracegate
