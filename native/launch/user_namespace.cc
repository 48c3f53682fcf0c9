#include "launch/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <string>

#include "launch/failure.h"
#include "launch/open_child.h"
#include "syscall/result.h"

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

}  // namespace

// A process that is not dumpable may not write its id maps: they belong to root (fs/proc/base.c, task_dump_owner()). A
// neighbour that controls the dumpable holder controls this user namespace alone, in which another process makes the
// tmpfs.
UniqueFd MakeUserNamespace() {
  const OpenChild holder(MakeAndMap, "the holder of a user namespace");
  if (holder.result() < 0) {
    FailErrno(kNotLaunched, "making a user namespace", -holder.result(), kNoUserNamespace);
  }
  const std::string path = "/proc/" + std::to_string(holder.pid()) + "/ns/user";
  UniqueFd made(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!made) FailErrno(kNotLaunched, Quoted(path), errno, "mount /proc, or start it again");
  return made;
}

}  // namespace tracegate
