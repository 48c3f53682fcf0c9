#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>

#include "syscall/unique_fd.h"

namespace tracegate {

// Memory that this process shares with the kernel; unmaps it at the end of its scope.
class UniqueSharedMapping {
 public:
  UniqueSharedMapping() = default;
  UniqueSharedMapping(const UniqueSharedMapping&) = delete;
  UniqueSharedMapping& operator=(const UniqueSharedMapping&) = delete;
  ~UniqueSharedMapping() {
    if (start_ != nullptr) munmap(start_, size_);
  }

  // Once for each object. `protection` is that of mmap(2). Returns 0 or -errno.
  int Map(const UniqueFd& file, size_t offset, size_t size, int protection) {
    void* const start = mmap(nullptr, size, protection, MAP_SHARED, file.get(), static_cast<off_t>(offset));
    if (start == MAP_FAILED) return -errno;
    start_ = start;
    size_ = size;
    return 0;
  }

  void* get() const { return start_; }

 private:
  void* start_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tracegate
