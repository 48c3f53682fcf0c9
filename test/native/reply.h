#pragma once

#include <cerrno>
#include <string>

namespace actor {

// The answer of a process: 0 or the errno of the system call, and its result, if there is one.
struct Reply {
  int error;
  std::string value;
};

inline Reply Failed() {
  return {errno, ""};
}

template <typename T>
Reply ReplyTo(T returned) {
  return returned < 0 ? Failed() : Reply{0, ""};
}

}  // namespace actor
