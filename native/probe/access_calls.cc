#include "probe/access_calls.h"

#include <limits.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {

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

// The check comes before the look at the type, and there is no such type: EINVAL is a yes.
int AskKcmp(pid_t pid) {
  const long returned = RetryEintr([&] { return syscall(SYS_kcmp, syscall(SYS_gettid), pid, INT_MAX, 0UL, 0UL); });
  if (returned >= 0) return ENOSYS;  // a filter's
  return errno == EINVAL ? 0 : errno;
}

// PTRACE_SEIZE wants the address 0, and that is looked at before any permission (kernel/ptrace.c, ptrace_attach()):
// EIO is a yes. PTRACE_ATTACH looks at nothing, but for no process there is only one answer. A filter that says the
// same to every call can't give both.
int AskPtrace(pid_t pid) {
  if (syscall(SYS_ptrace, PTRACE_SEIZE, pid, 1UL, 0UL) >= 0) return ENOSYS;  // a filter's
  if (errno != EIO && errno != ESRCH) return errno;
  if (syscall(SYS_ptrace, PTRACE_ATTACH, -1, 0UL, 0UL) >= 0) return ENOSYS;
  return errno == ESRCH ? 0 : errno;
}

}  // namespace tracegate
