#include "file_capability.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <stdint.h>
#include <string.h>
#include <sys/xattr.h>

#include "result.h"

namespace tracegate {

int FileHasCapability(const char* path, int capability) {
  // The longest of its revisions; what is newer still begins with the same words.
  vfs_ns_cap_data data;
  const int length = ToResult(lgetxattr(path, XATTR_NAME_CAPS, &data, sizeof data));
  if (length == -ENODATA || length == -EOPNOTSUPP) return 0;
  if (length < 0) return length;
  const int word = capability / 32;
  if (static_cast<size_t>(length) < sizeof data.magic_etc + (word + 1) * sizeof data.data[0]) return 0;
  const uint32_t bit = 1u << (capability % 32);
  return (le32toh(data.data[word].permitted | data.data[word].inheritable) & bit) != 0 ? 1 : 0;
}

}  // namespace tracegate
