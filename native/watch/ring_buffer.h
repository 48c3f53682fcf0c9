#pragma once

#include <cstddef>
#include <cstdint>

#include "syscall/unique_shared_mapping.h"
#include "syscall/unique_fd.h"

namespace tracegate {

// The reader's side of a BPF_MAP_TYPE_RINGBUF: kernel/bpf/ringbuf.c. The map's descriptor is readable when there is a record.
class RingBuffer {
 public:
  // Returns 0 or -errno. `size` is the map's max_entries.
  int Map(const UniqueFd& map, size_t size);

  // Returns the next record, or null if there is none yet. It stays until Release().
  const void* Next();
  void Release();

 private:
  // The consumer's position is in the first page, the producer's in the second; the records follow, mapped twice in a row.
  UniqueSharedMapping consumer_;
  UniqueSharedMapping producer_;
  const unsigned char* records_ = nullptr;
  size_t mask_ = 0;
  uint64_t position_ = 0;
  uint64_t after_ = 0;
};

}  // namespace tracegate
