#include "probe/access_calls.h"

#include <limits.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {

// process_vm_readv(2) is asked for one byte of the first page, which is never mapped: EFAULT is a yes. With length 0
// the kernel would skip the check. The kernel also skips the check for a process that shares this memory. Besides our
// own threads, only a child between vfork and exec does.
int AskProcessVmReadv(pid_t pid) {
  char byte;
  const iovec local = {&byte, 1};
  const iovec remote = {reinterpret_cast<void*>(1), 1};
  const ssize_t read = RetryEintr([&] { return process_vm_readv(pid, &local, 1, &remote, 1, 0); });
  if (read == 0) return ENOSYS;  // the kernel never answers 0: a filter did
  return read > 0 || errno == EFAULT ? 0 : errno;
}

// The kernel makes the check before it looks at the descriptor, and no process has the descriptor INT_MAX: EBADF is a
// yes.
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

// The kernel makes the check before it looks at the type, and this type does not exist: EINVAL is a yes.
int AskKcmp(pid_t pid) {
  const long returned = RetryEintr([&] { return syscall(SYS_kcmp, syscall(SYS_gettid), pid, INT_MAX, 0UL, 0UL); });
  if (returned >= 0) return ENOSYS;  // a filter answered
  return errno == EINVAL ? 0 : errno;
}

// PTRACE_SEIZE requires the address 0, and tests the address before any permission (kernel/ptrace.c, ptrace_attach()):
// EIO is a yes. PTRACE_ATTACH tests no address, and the pid -1 always gives ESRCH. A filter that gives one answer to
// every call cannot give both.
int AskPtrace(pid_t pid) {
  if (syscall(SYS_ptrace, PTRACE_SEIZE, pid, 1UL, 0UL) >= 0) return ENOSYS;  // a filter answered
  if (errno != EIO && errno != ESRCH) return errno;
  if (syscall(SYS_ptrace, PTRACE_ATTACH, -1, 0UL, 0UL) >= 0) return ENOSYS;
  return errno == ESRCH ? 0 : errno;
}

}  // namespace tracegate
