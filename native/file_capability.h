#pragma once

namespace tracegate {

// Whether a file gives who executes it this capability, by its own (permitted) or if the caller has it inheritable:
// security.capability, struct vfs_cap_data of include/uapi/linux/capability.h. A link is not followed. 1, 0 or -errno.
int FileHasCapability(const char* path, int capability);

}  // namespace tracegate
