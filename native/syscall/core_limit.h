#pragma once

#include <sys/resource.h>

namespace tracegate {

// Gets and sets RLIMIT_CORE of this process. Both return 0 or -errno.
int GetCoreLimit(rlimit* limit);
int SetCoreLimit(const rlimit& limit);

// The smallest RLIMIT_CORE at which the kernel writes a core file: one page, min_coredump in fs/binfmt_elf.c.
int SmallestCoreLimit();

}  // namespace tracegate
