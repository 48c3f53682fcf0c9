#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>

namespace tracegate {

// Maps a file for reading; unmaps it at the end of its scope.
class UniqueMapping {
 public:
  UniqueMapping(int file, size_t size) : start_(mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0)), size_(size) {}
  UniqueMapping(const UniqueMapping&) = delete;
  UniqueMapping& operator=(const UniqueMapping&) = delete;
  ~UniqueMapping() {
    if (*this) munmap(start_, size_);
  }

  void* get() const { return start_; }
  // False, with errno set: the file could not be mapped.
  explicit operator bool() const { return start_ != MAP_FAILED; }

 private:
  void* const start_;
  const size_t size_;
};

}  // namespace tracegate
