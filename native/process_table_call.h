#pragma once

#include <napi.h>

namespace tracegate {

// ReadProcessTable for lib/kernel/process-table.ts: the pids as an Int32Array, and what is Wanted. Returns
// { numbers, strings }: kColumns numbers of each process that isn't gone, and the strings that they point to; or
// -errno.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
