#include "addon/orphaned_helpers.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "probe/attach_probe.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"
#include "syscall/unique_stream.h"

namespace tracegate {
namespace {

constexpr char kFile[] = "tracegate-helper";
// The name as the kernel cuts it: include/linux/sched.h, TASK_COMM_LEN.
constexpr char kName[] = "tracegate-helpe\n";

// The file decides. exec sets the file before the starting process learns of the exec by the end of a pipe, and sets
// the name later (fs/exec.c, begin_new_exec()). A zombie has no file any more, so its name decides.
bool IsHelper(const char* pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%.10s/exe", pid);
  char target[PATH_MAX];
  const ssize_t length = readlink(path, target, sizeof target);
  if (length > 0) {
    const std::string_view file(target, static_cast<size_t>(length));
    // The text ` (deleted)` may follow the file. npos + 1 is 0.
    return file.substr(file.rfind('/') + 1).substr(0, sizeof kFile - 1) == kFile;
  }
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

void EndOrphanedHelpers() {
  if (!HasChildren()) return;
  const UniqueDir processes(opendir("/proc"));
  if (!processes) return;
  while (const dirent* entry = readdir(processes.get())) {
    const pid_t pid = atoi(entry->d_name);
    // Only children that this very thread forked: another environment still waits for its own.
    if (pid <= 0 || ParentOf(pid) != Parent::kThisThread || !IsHelper(entry->d_name)) continue;
    // The child is not yet reaped, so the pid is still its own. The kernel detaches its targets.
    kill(pid, SIGKILL);
    RetryEintr([&] { return waitpid(pid, nullptr, __WALL); });
  }
}

}  // namespace tracegate
