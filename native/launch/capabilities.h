#pragma once

#include <linux/capability.h>

#include <cstdint>

namespace tracegate {

// While it lives, the thread's effective set lacks these capabilities (bit N is number N); the permitted,
// inheritable and ambient sets stay. What a program gets at exec is computed from those and the bounding set
// (security/commoncap.c, cap_bprm_creds_from_file), so an exec meanwhile gives it what it would have had.
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
// With these a file is readable whatever its mode says: fs/namei.c, generic_permission().
constexpr uint64_t kReadAnything = uint64_t{1} << CAP_DAC_OVERRIDE | uint64_t{1} << CAP_DAC_READ_SEARCH;

}  // namespace tracegate
