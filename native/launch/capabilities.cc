#include "launch/capabilities.h"

#include <sys/syscall.h>
#include <unistd.h>

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

}  // namespace tracegate
