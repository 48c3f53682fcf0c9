#pragma once

#include <sys/types.h>

#include <vector>

namespace tracegate {

struct UserNamespace {
  ino_t id;
  uid_t owner;  // the effective uid of its creator, as the caller's user namespace sees it
};

// Reads the user namespace of a process and the namespaces above it, as far up as the kernel shows them: ioctl_ns(2).
// The caller needs READ access to /proc/PID/ns/user (fs/proc/namespaces.c, proc_ns_get_link). Returns 0 or -errno.
//
// NS_GET_PARENT ends the chain with EPERM in both cases: the initial namespace has no parent, and the parent of the
// caller's own namespace is hidden (kernel/user_namespace.c, ns_get_owner).
int ReadUserNamespaces(pid_t pid, std::vector<UserNamespace>* chain);

// Reads the id of the user namespace that owns this process' mount namespace: ioctl_ns(2), NS_GET_USERNS. Returns 0 or
// -errno. -EPERM: the owner is neither the caller's user namespace nor below that one.
int ReadMountNamespaceOwner(ino_t* id);

}  // namespace tracegate
