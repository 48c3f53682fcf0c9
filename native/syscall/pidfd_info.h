#pragma once

#include <sys/types.h>

namespace tracegate {

// Returns what PR_GET_DUMPABLE returns in that process: 0, 1 or 2; or -errno. Any process may ask (Linux 6.16).
int DumpableOf(pid_t pid);

}  // namespace tracegate
