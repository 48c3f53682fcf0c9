#include "helper/orphan.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "syscall/result.h"

namespace tracegate {

// The kernel ignores this signal by default. A blocked signal is kept all the same, so that sigtimedwait() gets it
// (kernel/signal.c, sig_ignored).
constexpr int kDeathSignal = SIGURG;

int BecomeOrphan() {
  // The kernel sends the parent's death signal when the child already has its new parent, and after a look at the
  // child's PR_SET_PDEATHSIG (kernel/exit.c, forget_original_parent). So the signal may arrive after all that follows
  // here, and then has no effect. Another process may send the same signal, or the parent may end before the request.
  // So getppid() decides.
  sigset_t adopted, before;
  sigemptyset(&adopted);
  sigaddset(&adopted, kDeathSignal);
  sigprocmask(SIG_BLOCK, &adopted, &before);

  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child > 0) _exit(0);

  if (prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(kDeathSignal), 0UL, 0UL, 0UL) != 0) return -errno;
  const timespec at_most = {0, 10 * 1000 * 1000};
  while (getppid() == parent) sigtimedwait(&adopted, nullptr, &at_most);
  prctl(PR_SET_PDEATHSIG, 0UL, 0UL, 0UL, 0UL);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return 0;
}

}  // namespace tracegate
