#pragma once

#include <cstdint>

#include "reply.h"

namespace actor {

// Irrevocable restrictions of the calling thread. Its children, and the threads that it begins, inherit each of these.

Reply SetNoNewPrivs();  // PR_SET_NO_NEW_PRIVS

// A seccomp filter that answers these system calls with `error`. `calls` has a bit for each, from the lowest:
// ptrace, process_vm_readv, pidfd_open, pidfd_getfd, kcmp, perf_event_open. It needs no_new_privs or CAP_SYS_ADMIN.
Reply RefuseCalls(int error, uint64_t calls);

// A Landlock domain within the thread's own, which forbids only to make block devices. So the domain only limits which
// processes the thread may trace. It needs no_new_privs or CAP_SYS_ADMIN.
Reply EnterLandlockDomain();

}  // namespace actor
