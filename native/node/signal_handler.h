#pragma once

#include <signal.h>

namespace tracegate {

using SignalHandler = void (*)(int, siginfo_t*, void*);

// node::RegisterSignalHandler() of node.h, which is no part of N-API. V8 handles the SIGSEGVs of WebAssembly's
// out-of-bounds accesses. All other SIGSEGVs go to the one handler that this function sets. The function takes no null
// pointer. Assumption `signal-handler-symbol` of lib/kernel/node-internals.ts.
using RegisterSignalHandler = void (*)(int, SignalHandler, bool);

// Returns null if this Node has no such function.
RegisterSignalHandler FindRegisterSignalHandler();

// Returns whether Node itself handles this signal. Node passes on the signals that are not its own.
bool IsHandledByNode(const struct sigaction& action, RegisterSignalHandler node);

}  // namespace tracegate
