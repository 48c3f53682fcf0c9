#include "launch/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <string>

#include "launch/failure.h"
#include "syscall/close_from.h"
#include "syscall/result.h"
#include "syscall/silent_fork.h"

namespace tracegate {
namespace {

int Write(const char* path, const std::string& text) {
  UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
  return fd ? ToResult(write(fd.get(), text.data(), text.size())) : -errno;
}

int MakeAndMap() {
  const std::string uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER) != 0) return -errno;
  // user_namespaces(7): a process without capabilities in the parent namespace may map its own ids, and its gid only
  // after "deny".
  if (const int result = Write("/proc/self/uid_map", uid + " " + uid + " 1"); result < 0) return result;
  if (const int result = Write("/proc/self/setgroups", "deny"); result < 0) return result;
  return Write("/proc/self/gid_map", gid + " " + gid + " 1");
}

// Moves the two descriptors to 0 and 1, and closes every other one.
void KeepOnly(int* first, int* second) {
  *first = fcntl(*first, F_DUPFD_CLOEXEC, 10);
  *second = fcntl(*second, F_DUPFD_CLOEXEC, 10);
  *first = dup3(*first, 0, O_CLOEXEC);
  *second = dup3(*second, 1, O_CLOEXEC);
  CloseFrom(2);
}

// A process that is not dumpable may not write its id maps: they belong to root (fs/proc/base.c,
// task_dump_owner()). So this process is dumpable, and a neighbour may trace it. There is nothing to take
// from it: its environment is wiped, and it has no descriptor but these two. A neighbour that controls it
// controls this user namespace alone, in which another process makes the tmpfs.
[[noreturn]] void Hold(int ready, int end) {
  for (char** variable = environ; *variable != nullptr; ++variable)
    explicit_bzero(*variable, strlen(*variable));
  KeepOnly(&ready, &end);
  prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL);
  const int result = MakeAndMap();
  char byte;
  if (write(ready, &result, sizeof result) == sizeof result) RetryEintr([&] { return read(end, &byte, 1); });
  _exit(0);
}

}  // namespace

UniqueFd MakeUserNamespace() {
  int ready[2], end[2];
  if (pipe2(ready, O_CLOEXEC) != 0 || pipe2(end, O_CLOEXEC) != 0)
    FailErrno(kNotLaunched, "making a pipe", errno);
  UniqueFd ready_out(ready[0]), ready_in(ready[1]), end_out(end[0]), end_in(end[1]);
  const pid_t holder = ForkSilently();
  if (holder < 0) FailErrno(kNotLaunched, "forking the holder of a user namespace", errno);
  if (holder == 0) Hold(ready_in.get(), end_out.get());

  ready_in = UniqueFd();
  int result;
  if (RetryEintr([&] { return read(ready_out.get(), &result, sizeof result); }) != sizeof result) {
    Fail(kNotLaunched, "the holder of a user namespace was ended: start it again");
  }
  if (result < 0) FailErrno(kNotLaunched, "making a user namespace", -result, kNoUserNamespace);
  // The holder is not yet reaped, so the pid is still its own.
  const std::string path = "/proc/" + std::to_string(holder) + "/ns/user";
  UniqueFd made(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!made) FailErrno(kNotLaunched, Quoted(path), errno, "mount /proc, or start it again");
  end_in = UniqueFd();
  RetryEintr([&] { return waitpid(holder, nullptr, __WALL); });
  return made;
}

}  // namespace tracegate
