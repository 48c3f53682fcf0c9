#include "namespace_operations.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace actor {

using tracegate::RetryEintr;
using tracegate::UniqueFd;

namespace {

// The kernel takes a map in one write, and once.
int WriteMap(const std::string& path, const std::vector<IdRange>& map) {
  if (map.empty()) return 0;
  std::string text;
  for (const auto& [inside, outside, count] : map) {
    text += std::to_string(inside) + " " + std::to_string(outside) + " " + std::to_string(count) + "\n";
  }
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) < 0) return errno;
  return 0;
}

int WriteMaps(pid_t pid, const NamespacePlan& plan) {
  const std::string directory = "/proc/" + std::to_string(pid) + "/";
  const int error = WriteMap(directory + "gid_map", plan.gid_map);
  return error != 0 ? error : WriteMap(directory + "uid_map", plan.uid_map);
}

bool Unshare(const NamespacePlan& plan) {
  return syscall(SYS_setresgid, plan.group, plan.group, plan.group) == 0 &&
         syscall(SYS_setresuid, plan.owner, plan.owner, plan.owner) == 0 &&
         // The new ids made it not dumpable, so no id of the outer namespace would own its map files.
         prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL) == 0 && unshare(CLONE_NEWUSER) == 0;
}

}  // namespace

Reply UnshareUserNamespace(const NamespacePlan& plan) {
  const pid_t self = getpid();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Failed();
  UniqueFd wait(ends[0]);
  UniqueFd go(ends[1]);
  const pid_t writer = fork();
  if (writer < 0) return Failed();
  if (writer == 0) {
    go = UniqueFd();
    char byte;
    RetryEintr([&] { return read(wait.get(), &byte, 1); });
    _exit(WriteMaps(self, plan));
  }
  const Reply unshared = Unshare(plan) ? Reply{0, ""} : Failed();
  go = UniqueFd();
  int status;
  if (RetryEintr([&] { return waitpid(writer, &status, 0); }) < 0) return Failed();
  return unshared.error != 0 ? unshared : Reply{WEXITSTATUS(status), ""};
}

Reply JoinUserNamespace(pid_t pid) {
  UniqueFd target(open(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  return target ? ReplyTo(setns(target.get(), CLONE_NEWUSER)) : Failed();
}

}  // namespace actor
