#include "left_helpers.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach_probe.h"
#include "result.h"
#include "unique_fd.h"

namespace tracegate {
namespace {

// "tracegate-helper" as the kernel keeps it: include/linux/sched.h, TASK_COMM_LEN.
constexpr char kName[] = "tracegate-helpe\n";

bool IsHelper(const char* pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%.10s/comm", pid);
  UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  char name[sizeof kName] = {};
  return fd && RetryEintr([&] { return read(fd.get(), name, sizeof name - 1); }) > 0 &&
         strcmp(name, kName) == 0;
}

bool HasChildren() {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD | __WALL) == 0;
}

}  // namespace

int ReapOrphan(pid_t pid) {
  if (ParentOf(pid) == Parent::kElsewhere) return -ECHILD;
  return RetryEintr([&] { return waitpid(pid, nullptr, __WALL); }) == pid ? 0 : -errno;
}

void EndLeftHelpers() {
  if (!HasChildren()) return;
  DIR* processes = opendir("/proc");
  if (processes == nullptr) return;
  while (const dirent* entry = readdir(processes)) {
    const pid_t pid = atoi(entry->d_name);
    // Children that this very thread forked: another environment still waits for its own.
    if (pid <= 0 || !IsHelper(entry->d_name) || ParentOf(pid) != Parent::kThisThread) continue;
    // Not yet waited for, so the pid can't be another's. What it traced the kernel detaches.
    kill(pid, SIGKILL);
    RetryEintr([&] { return waitpid(pid, nullptr, __WALL); });
  }
  closedir(processes);
}

}  // namespace tracegate
