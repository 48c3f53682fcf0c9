#include "orphan.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "result.h"

namespace tracegate {

int BecomeOrphan() {
  // The parent's death signal is sent when the child already has its new parent (kernel/exit.c,
  // forget_original_parent), so waiting for it is waiting for the adoption.
  sigset_t adopted;
  sigemptyset(&adopted);
  sigaddset(&adopted, SIGUSR1);
  sigprocmask(SIG_BLOCK, &adopted, nullptr);

  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child > 0) _exit(0);

  if (prctl(PR_SET_PDEATHSIG, static_cast<unsigned long>(SIGUSR1), 0UL, 0UL, 0UL) != 0) return -errno;
  if (getppid() == parent) RetryEintr([&] { return sigwaitinfo(&adopted, nullptr); });
  prctl(PR_SET_PDEATHSIG, 0UL, 0UL, 0UL, 0UL);
  return 0;
}

}  // namespace tracegate
