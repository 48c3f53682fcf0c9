#pragma once

#include <stdint.h>

namespace tracegate {

// The order that starts a held debugger (`tracegate-launch --hold-fd`), and says which process to debug. The order
// crosses a socket on one machine, in that machine's own byte order. lib/debugger/held-debugger.ts writes the same
// bytes.
struct DebuggingOrder {
  int32_t pid;
  int32_t thread;  // of a crash, else 0
  int32_t signal;  // of a crash, else 0
  int32_t timeout_ms;  // SIGALRM ends the debugger after this time; 0: never
};

}  // namespace tracegate
