#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tracegate {

struct Credentials {
  uid_t uid;
  gid_t gid;
  uint64_t capabilities;  // permitted and effective, bit N is capability number N
};

struct BecomeResult {
  int error;                // 0 or a positive errno
  const char* system_call;  // which one refused
};

// Takes these ids (real, effective, saved and fs) and exactly these capabilities, none inheritable or
// ambient. There is no way back. Where the ids are these already, they and the supplementary groups are left
// alone, so an ordinary user can become itself; no tracing rule looks at the groups.
BecomeResult Become(const Credentials& credentials);

}  // namespace tracegate
