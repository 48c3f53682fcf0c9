#pragma once

#include <stdint.h>

#include <vector>

namespace tracegate {

// The words of a file's security.capability as the kernel shows them to us (getxattr(2) converts the root id): struct
// vfs_ns_cap_data of include/uapi/linux/capability.h. Empty where the file has none. A link is followed. 0 or -errno.
int ReadFileCapabilities(const char* path, std::vector<uint32_t>* words);

}  // namespace tracegate
