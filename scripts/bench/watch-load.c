// watch-load RATE SECONDS: attaches to a child of its own and detaches, at that rate. Prints the number of attaches.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const long rate = atol(argv[1]), count = rate * atol(argv[2]);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (long at = 0; at < count; ++at) {
    if (ptrace(PTRACE_SEIZE, child, 0, 0) != 0) return 1;
    ptrace(PTRACE_INTERRUPT, child, 0, 0);
    waitpid(child, NULL, __WALL);
    ptrace(PTRACE_DETACH, child, 0, 0);
    next.tv_nsec += 1000000000 / rate;
    if (next.tv_nsec >= 1000000000) {
      next.tv_nsec -= 1000000000;
      ++next.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  printf("%ld\n", count);
  return 0;
}
