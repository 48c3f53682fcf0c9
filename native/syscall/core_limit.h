#pragma once

#include <sys/resource.h>

namespace tracegate {

// RLIMIT_CORE of this process. 0 or -errno.
int GetCoreLimit(rlimit* limit);
int SetCoreLimit(const rlimit& limit);

// Below this limit no core file is written: a page, min_coredump in fs/binfmt_elf.c.
int SmallestCoreLimit();

}  // namespace tracegate
