#include "launch/capabilities.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall/result.h"

namespace tracegate {

WithoutCapabilities::WithoutCapabilities(uint64_t capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (syscall(SYS_capget, &header, before_) != 0) return;
  __user_cap_data_struct fewer[2] = {before_[0], before_[1]};
  fewer[0].effective &= static_cast<uint32_t>(~capabilities);
  fewer[1].effective &= static_cast<uint32_t>(~capabilities >> 32);
  changed_ = syscall(SYS_capset, &header, fewer) == 0;
}

WithoutCapabilities::~WithoutCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (changed_) syscall(SYS_capset, &header, before_);
}

bool HasAnyCapability(uint64_t capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) != 0) return true;  // unknown
  const uint64_t permitted = sets[0].permitted | uint64_t{sets[1].permitted} << 32;
  return (permitted & capabilities) != 0;
}

bool RaiseCapabilities(uint64_t capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  bool is_permitted = false;
  for (int half = 0; half < 2; ++half) {
    const uint32_t raised = sets[half].permitted & static_cast<uint32_t>(capabilities >> (32 * half));
    sets[half].effective |= raised;
    is_permitted |= raised != 0;
  }
  syscall(SYS_capset, &header, sets);
  return is_permitted;
}

int GiveUpCapabilities(uint64_t capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2];
  if (syscall(SYS_capget, &header, sets) != 0) return -errno;
  for (int half = 0; half < 2; ++half) {
    const uint32_t kept = static_cast<uint32_t>(~capabilities >> (32 * half));
    sets[half].effective &= kept;
    sets[half].permitted &= kept;  // the ambient set follows
    sets[half].inheritable &= kept;
  }
  return ToResult(syscall(SYS_capset, &header, sets));
}

}  // namespace tracegate
