#pragma once

#include <sys/resource.h>

namespace tracegate {

// RLIMIT_CORE of this process. 0 or -errno.
int GetCoreLimit(rlimit* limit);
int SetCoreLimit(const rlimit& limit);

}  // namespace tracegate
