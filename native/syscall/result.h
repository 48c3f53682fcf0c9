#pragma once

#include <cerrno>

namespace tracegate {

// The kernel's answer as the layers below N-API pass it: a value >= 0, or -errno.
template <typename T>
int ToResult(T returned) {
  return returned < 0 ? -errno : static_cast<int>(returned);
}

// The one place where EINTR is handled.
template <typename Call>
auto RetryEintr(Call call) {
  decltype(call()) returned;
  do {
    returned = call();
  } while (returned < 0 && errno == EINTR);
  return returned;
}

// Which system call answered. kNone: none did, so that `error` says nothing of the target.
enum class Witness : int {
  kNone = 0,
  kPidfdGetfd = 1,
  kProcessVmReadv = 2,
  kPtrace = 3,
  kKcmp = 4,
  kPerfEventOpen = 5,
};

// An access question and who answered it: error is 0 (allowed) or a positive errno.
struct Answer {
  int error;
  Witness witness;
  // A seccomp filter keeps the asker from that call: `error` is what it answers, or 0 where it ends who calls.
  bool by_filter = false;
};

inline int PackWitness(const Answer& answer) {
  return static_cast<int>(answer.witness) | (answer.by_filter ? 1 << 8 : 0);
}

// As one number: the witness above the errno's 16 bits.
inline int Pack(const Answer& answer) {
  return (PackWitness(answer) << 16) | answer.error;
}

// A no that is final. An attach that is refused although this check passed has another reason: a tracer is
// there, say.
inline bool IsRefusal(const Answer& answer) {
  return answer.by_filter || (answer.error != 0 && answer.witness != Witness::kNone);
}

}  // namespace tracegate
