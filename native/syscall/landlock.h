#pragma once

#include <cstdint>

namespace tracegate {

// include/uapi/linux/landlock.h, which an older C library's headers lack. A domain with a scope refuses the operation on
// what was made outside of it.
constexpr uint64_t kScopeAbstractSocket = 1 << 0, kScopeSignal = 1 << 1;

// The ABI versions that brought LANDLOCK_ACCESS_FS_REFER (Linux 5.19), the scopes (Linux 6.12) and
// LANDLOCK_RESTRICT_SELF_TSYNC (Linux 7.0).
constexpr int kLandlockReferAbi = 2, kLandlockScopesAbi = 6, kLandlockThreadsAbi = 8;

enum class Threads { kCalling, kAll };

// Returns the version of Landlock's ABI, which is at least 1; -ENOSYS, if the kernel was built without Landlock; or
// -EOPNOTSUPP, if the list of security modules leaves Landlock out.
int LandlockAbi();

// Puts the calling thread, or all threads of the process, into a new Landlock domain, which their children inherit. A process in a domain may trace only
// processes of the same domain or of one within it: security/landlock/task.c, hook_ptrace_access_check(). The thread
// needs no_new_privs or CAP_SYS_ADMIN. Returns 0, or -errno: -E2BIG, if it is in 16 domains already.
//
// A domain must restrict something. Without a scope, this one restricts the move of files between directories
// (LANDLOCK_ACCESS_FS_REFER) and allows it everywhere under "/". Such a domain also refuses every mount(2), umount(2) and
// pivot_root(2): security/landlock/fs.c, hook_sb_mount().
int EnterLandlockDomain(uint64_t scopes, Threads threads = Threads::kCalling);

}  // namespace tracegate
