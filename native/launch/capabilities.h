#pragma once

#include <linux/capability.h>

#include <cstdint>

namespace tracegate {

// While this object lives, the thread's effective set lacks these capabilities (bit N is number N). The permitted,
// inheritable and ambient sets stay. The kernel computes the capabilities of a new program from those and the bounding
// set (security/commoncap.c, cap_bprm_creds_from_file). So a program that is executed meanwhile gets the same
// capabilities as without this object.
class WithoutCapabilities {
 public:
  explicit WithoutCapabilities(uint64_t capabilities);
  ~WithoutCapabilities();
  WithoutCapabilities(const WithoutCapabilities&) = delete;
  WithoutCapabilities& operator=(const WithoutCapabilities&) = delete;

 private:
  bool changed_ = false;
  __user_cap_data_struct before_[2] = {};
};

// Returns whether the calling thread has one of these capabilities, or may raise one.
bool HasAnyCapability(uint64_t capabilities);

// Makes these capabilities effective as far as they are permitted. Returns whether one of them is permitted.
bool RaiseCapabilities(uint64_t capabilities);

// Gives these capabilities up for this process and for what it executes. The process must have no_new_privs: then no exec
// gives a capability that was not permitted before, also not to root (security/commoncap.c,
// cap_bprm_creds_from_file()). Returns 0 or -errno.
int GiveUpCapabilities(uint64_t capabilities);

constexpr uint64_t kAllCapabilities = ~uint64_t{0};
// With one of these in the initial user namespace a process reads, and profiles, every process, whatever a security
// module says: kernel/fork.c, may_access_mm(); kernel/events/core.c, perf_check_permission().
constexpr uint64_t kPassLandlock = uint64_t{1} << CAP_SYS_ADMIN | uint64_t{1} << 38;  // CAP_PERFMON
// With these capabilities a file is readable whatever its mode is: fs/namei.c, generic_permission().
constexpr uint64_t kReadAnything = uint64_t{1} << CAP_DAC_OVERRIDE | uint64_t{1} << CAP_DAC_READ_SEARCH;

}  // namespace tracegate
