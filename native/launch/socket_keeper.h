#pragma once

namespace tracegate {

// Removes a file when whoever holds the other end of `fd` has ended, however that came. `file` is DEVICE:INODE:PATH in
// decimal: another one that is there by then stays.
[[noreturn]] void KeepSocket(const char* file, int fd);

}  // namespace tracegate
