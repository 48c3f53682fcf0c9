// scripts/bench/scan.mjs starts this program, and compares with it.
//
//   scan sleepers COUNT THREADS UID...
//                                starts COUNT processes that sleep in THREADS threads each, of these uids in turn,
//                                until standard input ends or the parent does. -> ready
//   scan read                    of each process of /proc what observe() reads, one file after the other, by
//                                plain calls with full paths. -> processes, nanoseconds, bytes
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];
static long long bytes;

static int Read(const char* pid, const char* name, struct stat* owner) {
  char path[288];
  snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (owner != NULL && fstat(fd, owner) == 0) bytes += owner->st_uid == 0;
  const ssize_t got = read(fd, buffer, sizeof buffer - 1);
  const int error = errno;
  close(fd);
  errno = error;
  if (got > 0) bytes += got;
  buffer[got > 0 ? got : 0] = '\0';
  return got < 0 ? -1 : 0;
}

static int ReadProcess(const char* pid) {
  static int no_labels;
  char path[288];
  char link[64];
  struct stat owner;
  if (Read(pid, "status", &owner) < 0) return 0;
  const int has_one_thread = strstr(buffer, "\nThreads:\t1\n") != NULL;
  snprintf(path, sizeof path, "/proc/%s/ns/user", pid);
  if (readlink(path, link, sizeof link) < 0 && Read(pid, "uid_map", NULL) == 0 && Read(pid, "gid_map", NULL) == 0) {
    Read(pid, "projid_map", NULL);
  }
  if (!no_labels) no_labels = Read(pid, "attr/current", NULL) < 0 && errno == EINVAL;
  if (!has_one_thread) Read(pid, "cmdline", NULL);
  return Read(pid, "stat", NULL) == 0;
}

static int ReadAll(void) {
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  DIR* const proc = opendir("/proc");
  if (proc == NULL) return 1;
  int processes = 0;
  for (const struct dirent* entry; (entry = readdir(proc)) != NULL;) {
    if (isdigit((unsigned char)entry->d_name[0])) processes += ReadProcess(entry->d_name);
  }
  closedir(proc);
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%d %lld %lld\n", processes,
         (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec), bytes);
  return 0;
}

static void* Sleep(void* none) {
  for (;;) pause();
  return none;
}

static int Sleepers(int count, int threads, int uids, char** uid) {
  const pid_t self = getpid();
  for (int i = 0; i < count; i++) {
    const pid_t pid = fork();
    if (pid < 0) return 3;
    if (pid > 0) continue;
    const uid_t own = uids > 0 ? (uid_t)atoi(uid[i % uids]) : geteuid();
    if (own != geteuid() && (setgid(own) != 0 || setuid(own) != 0)) _exit(4);
    // After setuid(), which clears it (kernel/cred.c, commit_creds).
    if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) != 0 || getppid() != self) _exit(5);
    for (int more = threads - 1; more > 0; more--) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, Sleep, NULL) != 0) _exit(6);
    }
    Sleep(NULL);
  }
  puts("ready");
  fflush(stdout);
  while (read(STDIN_FILENO, buffer, 1) > 0) continue;
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "read") == 0) return ReadAll();
  if (argc >= 4 && strcmp(argv[1], "sleepers") == 0) {
    return Sleepers(atoi(argv[2]), atoi(argv[3]), argc - 4, argv + 4);
  }
  return 2;
}
