#pragma once

#include <napi.h>

namespace tracegate {

// A ProcessTable for lib/kernel/process-table.ts: the pids as an Int32Array, what is Wanted, and the rows of a portion.
// Returns { next, close } or -errno. next() gives a portion, { rows, profiles, strings }: kRowColumns numbers of each process
// that isn't gone, kProfileColumns of each profile that they point to, and the strings that both point to; null after the last.
// close() is to be called at the end.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
