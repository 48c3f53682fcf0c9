#pragma once

#include <sys/types.h>

#include <memory>

#include "watch/access_event.h"

namespace tracegate {

// The kernel's own decisions, by the BPF programs of watch.bpf.c. `reads`: whether accesses for reading alone are reported.
// `pid` is the only target to report, or 0.
//
// Returns 0 or -errno. EXDEV: this process is not in the initial pid namespace, which the kernel's pids belong to. The other
// errors are those of bpf(2), of any step: EPERM also where the kernel is locked down; ESRCH or ENOENT
// where the kernel lacks its types or one of the functions; ENOTSUPP (524) where it can't trace functions on this CPU.
int OpenBpfSource(bool reads, pid_t pid, std::unique_ptr<AccessSource>* source);

}  // namespace tracegate
