#pragma once

#include <napi.h>

namespace tracegate {

// A ProcessTable for lib/kernel/process-table.ts: the pids as an Int32Array, what is Wanted, and the rows of a portion.
// Returns a function that gives the next portion, { numbers, strings }: kColumns numbers of each process that isn't
// gone, and the strings that they point to; null after the last. Or -errno.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
