#pragma once

#include <cstdint>
#include <vector>

namespace tracegate {

// The two calls by themselves: 0 if the kernel answered as one whose module runs does, or the errno.

// security/lsm_syscalls.c, from Linux 6.8.
int AskLsmListModules();

// security/landlock/syscalls.c, landlock_create_ruleset(): its version, which makes nothing.
int AskLandlock();

// The ids of include/uapi/linux/lsm.h of all modules that run, in the kernel's order: how many, or -errno.
int ListSecurityModules(std::vector<uint64_t>* ids);

// 1: Landlock runs; 0: it doesn't; -errno: a seccomp filter may have answered.
int LandlockRuns();

}  // namespace tracegate
