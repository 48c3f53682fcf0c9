#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "reply.h"

namespace actor {

// A line of uid_map or gid_map.
struct IdRange {
  uint32_t inside, outside, count;
};

struct NamespacePlan {
  uid_t owner;
  gid_t group;
  std::vector<IdRange> uid_map, gid_map;  // empty: stays without a map
};

// Takes the owner's ids and makes a user namespace, in which it then holds every capability. A privileged
// process of the namespace above writes the maps (user_namespaces(7)). Its memory stays the outer namespace's
// until it executes a program (kernel/fork.c, mm_init).
Reply UnshareUserNamespace(const NamespacePlan& plan);

// setns(): enters the user namespace of a process.
Reply JoinUserNamespace(pid_t pid);

}  // namespace actor
