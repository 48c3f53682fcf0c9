#pragma once

#include <cerrno>

namespace tracegate {

// The kernel's answer as the layers below N-API pass it: a value >= 0, or -errno.
template <typename T>
int ToResult(T returned) {
  return returned < 0 ? -errno : static_cast<int>(returned);
}

// The only place that handles EINTR.
template <typename Call>
auto RetryEintr(Call call) {
  decltype(call()) returned;
  do {
    returned = call();
  } while (returned < 0 && errno == EINTR);
  return returned;
}

// The system call that answered. kNone: no call answered, so `error` says nothing about the target.
enum class AnsweringCall : int {
  kNone = 0,
  kPidfdGetfd = 1,
  kProcessVmReadv = 2,
  kPtrace = 3,
  kKcmp = 4,
  kPerfEventOpen = 5,
};

// The answer to an access question, and the call that gave it. `error` is 0 (allowed) or a positive errno.
struct Answer {
  int error;
  AnsweringCall answering_call;
  // A seccomp filter blocks that call. `error` is the filter's errno, or 0 if the filter kills the caller.
  bool by_filter = false;
};

inline int PackAnsweringCall(const Answer& answer) {
  return static_cast<int>(answer.answering_call) | (answer.by_filter ? 1 << 8 : 0);
}

// Packs an answer into one number: the number of the answering call stands above the errno's 16 bits.
inline int Pack(const Answer& answer) {
  return (PackAnsweringCall(answer) << 16) | answer.error;
}

// Returns whether the refusal is final. If this check passes and the kernel still refuses an attach, the reason is
// another one, such as a present tracer.
inline bool IsRefusal(const Answer& answer) {
  return answer.by_filter || (answer.error != 0 && answer.answering_call != AnsweringCall::kNone);
}

}  // namespace tracegate
