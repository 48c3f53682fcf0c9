#include "syscall/file_capability.h"

#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

#include "syscall/result.h"

namespace tracegate {

int ReadFileCapabilities(const char* path, std::vector<uint32_t>* words) {
  // This struct is the longest revision of the attribute. The kernel accepts no longer value.
  uint32_t data[sizeof(vfs_ns_cap_data) / sizeof(uint32_t)];
  const int length = ToResult(getxattr(path, XATTR_NAME_CAPS, data, sizeof data));
  if (length == -ENODATA || length == -EOPNOTSUPP) return 0;
  if (length < 0) return length;
  for (size_t i = 0; i < static_cast<size_t>(length) / sizeof data[0]; ++i) words->push_back(le32toh(data[i]));
  return 0;
}

}  // namespace tracegate
