#pragma once

#include <napi.h>

namespace tracegate {

// A ProcessTable for lib/kernel/process-table.ts: the pids as an Int32Array, or null for those that /proc lists, what is Wanted,
// and the rows of a portion. Returns { count, next, close } or -errno. next() gives a portion, { rows, profiles, strings }:
// kRowColumns numbers of each process that isn't gone, and what no portion before it had of what they point to: kProfileColumns
// numbers of each profile, and the strings of both; null after the last. close() is to be called at the end.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
