#pragma once

#include <stdint.h>

#include <string>
#include <vector>

namespace tracegate {

// The words of a file's security.capability: struct vfs_ns_cap_data of include/uapi/linux/capability.h. The kernel
// converts the root id to the caller's user namespace (getxattr(2)).
using CapabilityWords = std::vector<uint32_t>;

// Reads the words, which stay empty if the file has no capabilities. Follows links. Returns 0 or -errno.
int ReadFileCapabilities(const char* path, CapabilityWords* words);

// A file with capabilities; or, with an error, a file or directory that could not be read.
struct CapabilityFile {
  std::string path;
  CapabilityWords words;
  int error;  // 0 or -errno
};

// Searches directories, and all below them, in no order. Links are not followed. A tree has tens of thousands of files,
// and almost all the time is the kernel's: several threads search.
std::vector<CapabilityFile> FindCapabilityFiles(std::vector<std::string> directories);

}  // namespace tracegate
