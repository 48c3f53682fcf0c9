#pragma once

#include <sys/types.h>

#include <vector>

namespace tracegate {

struct UserNamespace {
  ino_t id;
  uid_t owner;  // the effective uid of its creator, as seen in our own user namespace
};

// The user namespace of a process and those above it, as far up as we may see: ioctl_ns(2). Wants the READ
// access to /proc/PID/ns/user (fs/proc/namespaces.c, proc_ns_get_link). The value is 0, or -errno with no
// namespace.
//
// EPERM of NS_GET_PARENT is the end in both cases: above the initial namespace there is none, and above our
// own we see none (kernel/user_namespace.c, ns_get_owner).
int ReadUserNamespaces(pid_t pid, std::vector<UserNamespace>* chain);

// The id of the user namespace that owns our mount namespace: ioctl_ns(2), NS_GET_USERNS. 0, or -errno: -EPERM where it
// is neither our own nor one below.
int ReadMountNamespaceOwner(ino_t* id);

}  // namespace tracegate
