#pragma once

#include <cstdint>
#include <ctime>

namespace tracegate {

// Converts the kernel's time of an event, which is that of CLOCK_MONOTONIC, into milliseconds since the epoch. The difference
// of the two clocks changes with each setting of the clock, so an object serves for a moment.
class EventClock {
 public:
  EventClock() : monotonic_(Read(CLOCK_MONOTONIC)), epoch_(Read(CLOCK_REALTIME)) {}

  double TimeOf(uint64_t nanoseconds) const {
    const auto since = static_cast<int64_t>(nanoseconds) - monotonic_;
    return static_cast<double>(epoch_ + since) / 1e6;
  }

  double Now() const { return static_cast<double>(epoch_) / 1e6; }

 private:
  static int64_t Read(clockid_t id) {
    timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * int64_t{1000000000} + now.tv_nsec;
  }

  const int64_t monotonic_;
  const int64_t epoch_;
};

}  // namespace tracegate
