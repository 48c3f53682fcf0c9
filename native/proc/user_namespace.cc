#include "proc/user_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <string>

#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {

int ReadUserNamespaces(pid_t pid, std::vector<UserNamespace>* chain) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/user";
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return -errno;
  while (fd) {
    struct stat status;
    uid_t owner;
    if (fstat(fd.get(), &status) != 0 || ioctl(fd.get(), NS_GET_OWNER_UID, &owner) != 0) return -errno;
    chain->push_back({status.st_ino, owner});
    fd = UniqueFd(ioctl(fd.get(), NS_GET_PARENT));
  }
  return errno == EPERM ? 0 : -errno;
}

int ReadMountNamespaceOwner(ino_t* id) {
  UniqueFd mounts(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!mounts) return -errno;
  UniqueFd owner(ioctl(mounts.get(), NS_GET_USERNS));
  struct stat status;
  if (!owner || fstat(owner.get(), &status) != 0) return -errno;
  *id = status.st_ino;
  return 0;
}

}  // namespace tracegate
