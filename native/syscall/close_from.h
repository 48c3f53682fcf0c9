#pragma once

#include <unistd.h>

#include "syscall/syscall_numbers.h"

namespace tracegate {

// Closes every descriptor from this number on, also those of other code. Kernels before Linux 5.9 have no close_range(2).
inline void CloseFrom(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  for (long fd = first; fd < sysconf(_SC_OPEN_MAX); ++fd) close(static_cast<int>(fd));
}

}  // namespace tracegate
