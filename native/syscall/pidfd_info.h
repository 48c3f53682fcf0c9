#pragma once

#include <sys/types.h>

namespace tracegate {

// What PR_GET_DUMPABLE would say in that process: 0, 1 or 2; or -errno. Anybody may ask (Linux 6.16).
int DumpableOf(pid_t pid);

}  // namespace tracegate
