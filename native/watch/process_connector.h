#pragma once

#include <sys/types.h>

#include <memory>

#include "watch/access_event.h"

namespace tracegate {

// The process connector: drivers/connector/cn_proc.c, proc_ptrace_connector(). It reports each attach by PTRACE_ATTACH or
// PTRACE_SEIZE that succeeded, and each PTRACE_DETACH. A thread that ends has its own event.
//
// `pid` is the only target to report, or 0. Returns 0 or -errno:
// - EPROTONOSUPPORT: the kernel has no connector;
// - EPERM: before Linux 6.6, CAP_NET_ADMIN is missing;
// - ECONNREFUSED: the network namespace is not the initial one;
// - ENODATA: the connector gives no answer, because it has no process events, or because the pid or user namespace of this
//   process is not the initial one.
int OpenProcessConnector(pid_t pid, std::unique_ptr<AccessSource>* source);

}  // namespace tracegate
