#pragma once

#include <stdint.h>

#include <vector>

namespace tracegate {

// Reads the words of a file's security.capability: struct vfs_ns_cap_data of include/uapi/linux/capability.h. The
// kernel converts the root id to the caller's user namespace (getxattr(2)). `words` stays empty if the file has no
// capabilities. The function follows links, and returns 0 or -errno.
int ReadFileCapabilities(const char* path, std::vector<uint32_t>* words);

}  // namespace tracegate
