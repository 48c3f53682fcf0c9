#pragma once

#include <sys/types.h>

#include "reply.h"

namespace actor {

// The kernel's answers, by system calls alone: nothing of the product's sources is in here. Each leaves the
// target as it was, untraced and running, so that they can be asked in any order.

Reply Attach(pid_t pid);             // PTRACE_ATTACH, the wait for its stop, PTRACE_DETACH
Reply Seize(pid_t pid);              // PTRACE_SEIZE, PTRACE_INTERRUPT, the wait, PTRACE_DETACH
Reply ProcessVmReadv(pid_t pid);     // the secret word
Reply ProcessVmWritev(pid_t pid);    // a byte that nothing reads
Reply ReadMem(pid_t pid);            // the secret word by /proc/PID/mem
Reply ReadEnviron(pid_t pid);        // the secret word by /proc/PID/environ
Reply PidfdGetfd(pid_t pid);         // its standard error, which every process of the tree has
Reply ReadNamespaceLink(pid_t pid);  // the link /proc/PID/ns/user
Reply CompareMemory(pid_t pid);      // kcmp(KCMP_VM)
Reply CountByPerf(pid_t pid);        // perf_event_open of a counter that runs, read once, as perf stat -p does

Reply RobustList(pid_t pid);         // get_robust_list, which asks for PTRACE_MODE_READ
Reply SignalProcess(pid_t pid);      // kill(2) with signal 0: the permission alone
Reply SignalThread(pid_t pid);       // tgkill(2), the same
Reply SignalPidfd(pid_t pid);        // pidfd_send_signal(2), the same

// These leave a trace.
Reply Hold(pid_t pid);     // PTRACE_SEIZE; stays attached
Reply Release(pid_t pid);  // the end of that
Reply TraceMe();           // PTRACE_TRACEME

// PTRACE_SEIZE with an address, which must be 0.
Reply SeizeAtAnAddress(pid_t pid);

}  // namespace actor
