#pragma once

#include <napi.h>

namespace tracegate {

// LookAndAsk() for lib/kernel/probe-target.ts: the pid, whether to ask, and a row, a Float64Array that holds what is known of
// an earlier look and gets the numbers of this one. Returns the name, or null of a process that isn't seen.
Napi::Value LookAndAskCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
