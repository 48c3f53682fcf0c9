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

constexpr uint64_t kAllCapabilities = ~uint64_t{0};
// With these capabilities a file is readable whatever its mode is: fs/namei.c, generic_permission().
constexpr uint64_t kReadAnything = uint64_t{1} << CAP_DAC_OVERRIDE | uint64_t{1} << CAP_DAC_READ_SEARCH;

}  // namespace tracegate
