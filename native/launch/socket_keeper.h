#pragma once

namespace tracegate {

// Removes a file when the process that holds the other end of `fd` has ended, by whatever cause. `file` is
// DEVICE:INODE:PATH in decimal. If another file has the path by then, that file stays.
[[noreturn]] void KeepSocket(const char* file, int fd);

}  // namespace tracegate
