#pragma once

namespace tracegate {

enum class ChildEnd {
  kAnswered,       // `number` is what the question returned, at most 255
  kEndedByFilter,  // SIGSYS: a seccomp filter ends who calls
  kFailed,         // there is no answer: `number` is the errno that says why
};

struct ChildAnswer {
  ChildEnd end;
  int number;
};

// Asks in a child of the calling thread, which ends with the answer. A seccomp filter may kill who calls, and what the
// child changes of itself stays its own. The child is a copy of a process that may have other threads, so `question` calls
// nothing that takes a lock.
ChildAnswer AskInChild(int (*question)(int), int argument);

}  // namespace tracegate
