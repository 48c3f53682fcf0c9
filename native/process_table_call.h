#pragma once

#include <napi.h>

namespace tracegate {

// A ProcessTable for lib/kernel/process-table.ts: the pids as an Int32Array, what is Wanted, and the rows of a portion.
// Returns { next, close } or -errno. next() gives a portion, { numbers, strings }: kColumns numbers of each process that
// isn't gone, and the strings that they point to; null after the last. close() is to be called at the end.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
