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

// Takes these ids (real, effective, saved and fs), no supplementary group and exactly these capabilities:
// none inheritable, ambient or bounding-dependent. There is no way back. A step that changes nothing is not
// asked for, so an ordinary user can become itself.
BecomeResult Become(const Credentials& credentials);

}  // namespace tracegate
