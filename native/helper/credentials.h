#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tracegate {

struct Credentials {
  uid_t uid;
  gid_t gid;
  uint64_t capabilities;  // permitted and effective; bit N is capability number N
};

struct BecomeResult {
  int error;                // 0 or a positive errno
  const char* system_call;  // the call that failed
};

// Takes these ids (real, effective, saved and fs) and exactly these capabilities, none of them inheritable or ambient.
// There is no way back. If the process already has these ids, the ids and the supplementary groups stay, so an ordinary
// user can become itself. No tracing rule looks at the groups.
BecomeResult Become(const Credentials& credentials);

}  // namespace tracegate
