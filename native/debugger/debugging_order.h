#pragma once

#include <stdint.h>

namespace tracegate {

// What lets a held debugger start (`tracegate-launch --hold-fd`): whom it is to debug. It crosses a socket on one machine,
// in that machine's own order of bytes; lib/debugger/held-debugger.ts writes it too.
struct DebuggingOrder {
  int32_t pid;
  int32_t thread;  // of a crash; else 0
  int32_t signal;  // of a crash; else 0
  int32_t patience_ms;  // after which SIGALRM ends it; 0: never
};

}  // namespace tracegate
