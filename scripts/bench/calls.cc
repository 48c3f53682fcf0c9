// calls dumpable N | readv PID N | look PID N | getfd PID N | seize PID N: the same system calls as the package's, in a
// bare C++ loop. Prints the nanoseconds of one. It shares no code with native/, so it measures the kernel's part alone.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static double Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

static void Require(bool holds, const char* what) {
  if (holds) return;
  perror(what);
  exit(1);
}

static void Dumpable(pid_t) {
  Require(prctl(PR_GET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) == 1, "PR_GET_DUMPABLE");
}

static void Readv(pid_t pid) {
  char byte;
  const iovec local = {&byte, 1};
  const iovec remote = {reinterpret_cast<void*>(1), 1};
  Require(process_vm_readv(pid, &local, 1, &remote, 1, 0) == -1 && errno == EFAULT, "process_vm_readv");
}

// The access check, and /proc/PID/status around it.
static void Look(pid_t pid) {
  char path[32];
  char text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  Readv(pid);
  Require(read(file, text, sizeof text) > 0, "status");
  close(file);
}

static void Getfd(pid_t pid) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  Require(syscall(SYS_pidfd_getfd, pidfd, INT_MAX, 0) == -1 && errno == EBADF, "pidfd_getfd");
  close(pidfd);
}

struct Tracer {
  pid_t target;
  pid_t tid;
};

static void* SeizeOnThread(void* argument) {
  auto* tracer = static_cast<Tracer*>(argument);
  tracer->tid = static_cast<pid_t>(syscall(SYS_gettid));
  Require(ptrace(PTRACE_SEIZE, tracer->target, nullptr, nullptr) == 0, "PTRACE_SEIZE");
  return nullptr;
}

static void Seize(pid_t pid) {
  Tracer tracer = {pid, 0};
  pthread_t thread;
  Require(pthread_create(&thread, nullptr, SeizeOnThread, &tracer) == 0, "pthread_create");
  pthread_join(thread, nullptr);
  while (syscall(SYS_tgkill, getpid(), tracer.tid, 0) == 0) sched_yield();
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const pid_t pid = argc > 3 ? atoi(argv[2]) : 0;
  const int count = atoi(argv[argc - 1]);
  void (*const call)(pid_t) = strcmp(argv[1], "dumpable") == 0 ? Dumpable
                              : strcmp(argv[1], "readv") == 0  ? Readv
                              : strcmp(argv[1], "look") == 0   ? Look
                              : strcmp(argv[1], "getfd") == 0  ? Getfd
                                                               : Seize;
  const double start = Now();
  for (int i = 0; i < count; ++i) call(pid);
  printf("%.1f\n", (Now() - start) / count);
  return 0;
}
