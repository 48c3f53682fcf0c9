#pragma once

#include <napi.h>

namespace tracegate {

// LookAndAsk() for lib/kernel/probe-target.ts. Arguments: the pid, whether to ask, and a row. The row is a Float64Array
// that holds the result of an earlier look and gets the numbers of this look. Returns the name, or null if the process
// is not seen.
Napi::Value LookAndAskCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
