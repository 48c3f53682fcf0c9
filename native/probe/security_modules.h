#pragma once

#include <cstdint>
#include <vector>

namespace tracegate {

// The two calls by themselves. Each returns 0 if the kernel answers as a kernel with that module does, or the errno.

// security/lsm_syscalls.c, from Linux 6.8.
int AskLsmListModules();

// security/landlock/syscalls.c, landlock_create_ruleset(). The call asks for the version, which creates no ruleset.
int AskLandlock();

// Lists the ids (include/uapi/linux/lsm.h) of all modules that run, in the kernel's order. Returns their number, or
// -errno.
int ListSecurityModules(std::vector<uint64_t>* ids);

// 1: Landlock runs. 0: Landlock does not run. -errno: a seccomp filter may have answered.
int LandlockRuns();

}  // namespace tracegate
