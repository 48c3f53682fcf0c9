#include "watch/ring_buffer.h"

#include <unistd.h>

namespace tracegate {
namespace {

// struct bpf_ringbuf_hdr: the length, with two bits, and a number of the kernel's own.
constexpr size_t kHead = 8;
constexpr uint32_t kBusy = 1U << 31;
constexpr uint32_t kDiscarded = 1U << 30;

}  // namespace

int RingBuffer::Map(const UniqueFd& map, size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  int result = consumer_.Map(map, 0, page, PROT_READ | PROT_WRITE);
  if (result == 0) result = producer_.Map(map, page, page + 2 * size, PROT_READ);
  if (result < 0) return result;
  records_ = static_cast<const unsigned char*>(producer_.get()) + page;
  mask_ = size - 1;
  return 0;
}

const void* RingBuffer::Next() {
  const auto* const end = static_cast<const unsigned long*>(producer_.get());
  while (position_ < __atomic_load_n(end, __ATOMIC_ACQUIRE)) {
    const unsigned char* const record = records_ + (position_ & mask_);
    const uint32_t length = __atomic_load_n(reinterpret_cast<const uint32_t*>(record), __ATOMIC_ACQUIRE);
    if (length & kBusy) return nullptr;
    after_ = position_ + (((length & ~kDiscarded) + kHead + 7) & ~size_t{7});
    if ((length & kDiscarded) == 0) return record + kHead;
    Release();
  }
  return nullptr;
}

void RingBuffer::Release() {
  position_ = after_;
  __atomic_store_n(static_cast<unsigned long*>(consumer_.get()), position_, __ATOMIC_RELEASE);
}

}  // namespace tracegate
