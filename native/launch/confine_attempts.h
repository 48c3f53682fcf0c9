#pragma once

#include <string_view>
#include <vector>

#include "launch/open_child.h"
#include "syscall/unique_fd.h"

namespace tracegate {

enum class Channel { kTracing, kSignals, kAbstractSockets };
constexpr Channel kChannels[] = {Channel::kTracing, Channel::kSignals, Channel::kAbstractSockets};

// The call of the attempt to open /proc/PID/environ.
constexpr std::string_view kOpenEnvironment = "open(environ)";

// One way of reaching a process outside of the domain, tried before this process enters the domain and after it.
struct Attempt {
  Channel channel;
  const char* call;
  int before;  // errno; 0: it succeeded
  int after;
};

// The victim of the attempts: a child and a listening socket, both made before this process enters a domain.
class Victim {
 public:
  Victim();
  std::vector<Attempt> TryBefore() const;
  void TryAfter(std::vector<Attempt>* attempts) const;

 private:
  OpenChild child_;
  UniqueFd listener_;
};

}  // namespace tracegate
