#include "syscall/extended_attributes.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "syscall/result.h"

namespace tracegate {
namespace {

using Names = std::set<std::string>;

// security/integrity/evm/evm_main.c: evm_protect_xattr() refuses a security.evm from user space. A security.ima is the
// hash of another content.
bool IsOfContent(const std::string& name) {
  return name == XATTR_NAME_IMA || name == XATTR_NAME_EVM;
}

int ListNames(int fd, Names* names) {
  std::vector<char> list(XATTR_LIST_MAX);
  const int length = ToResult(flistxattr(fd, list.data(), list.size()));
  if (length == -EOPNOTSUPP) return 0;
  for (int at = 0; at < length;) {
    const std::string name(&list[static_cast<size_t>(at)]);
    at += static_cast<int>(name.size()) + 1;
    if (!IsOfContent(name)) names->insert(name);
  }
  return std::min(length, 0);
}

// Returns the length of the value, or -errno.
int Read(int fd, const std::string& name, std::vector<char>* value) {
  value->resize(XATTR_SIZE_MAX);
  const int length = ToResult(fgetxattr(fd, name.c_str(), value->data(), value->size()));
  value->resize(static_cast<size_t>(std::max(length, 0)));
  return length;
}

}  // namespace

int CopyExtendedAttributes(int from_fd, int to_fd) {
  Names from, to;
  if (const int result = ListNames(from_fd, &from); result < 0) return result;
  if (const int result = ListNames(to_fd, &to); result < 0) return result;
  std::vector<char> wanted, present;
  for (const std::string& name : from) {
    if (const int length = Read(from_fd, name, &wanted); length < 0) return length;
    // A label that the file has already may not be set again: SELinux refuses it on a file system with one label.
    if (to.erase(name) == 1 && Read(to_fd, name, &present) >= 0 && present == wanted) continue;
    const int result = ToResult(fsetxattr(to_fd, name.c_str(), wanted.data(), wanted.size(), 0));
    if (result < 0) return result;
  }
  for (const std::string& name : to) {
    if (const int result = ToResult(fremovexattr(to_fd, name.c_str())); result < 0) return result;
  }
  return 0;
}

int HasDefaultAcl(int directory_fd) {
  const int length = ToResult(fgetxattr(directory_fd, XATTR_NAME_POSIX_ACL_DEFAULT, nullptr, 0));
  if (length == -ENODATA || length == -EOPNOTSUPP) return 0;
  return std::min(length, 1);
}

}  // namespace tracegate
