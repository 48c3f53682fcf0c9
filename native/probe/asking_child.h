#pragma once

namespace tracegate {

enum class ChildEnd {
  kAnswered,       // `number` is what the question returned, at most 255
  kEndedByFilter,  // SIGSYS: a seccomp filter kills the caller
  kFailed,         // no answer: `number` is the errno of the reason
};

struct ChildAnswer {
  ChildEnd end;
  int number;
};

// Asks in a child of the calling thread. The child exits with the answer. A seccomp filter may kill the caller, and
// what the child changes of itself stays in the child. The child is a copy of a process that may have other threads, so
// `question` must not take a lock.
ChildAnswer AskInChild(int (*question)(int), int argument);

}  // namespace tracegate
