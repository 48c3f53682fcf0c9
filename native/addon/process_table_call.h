#pragma once

#include <napi.h>

namespace tracegate {

// A ProcessTable for lib/kernel/process-table.ts: the pids as an Int32Array, or null for those that /proc lists, what is Wanted,
// and the rows of a portion. Returns { count, next, close } or -errno. next() gives a portion, { rows, profiles, strings }:
// kRowColumns numbers of each process that isn't gone, and the profiles, kProfileColumns numbers each, and the strings that are
// new in it: rows and profiles point to them by a number that runs through all portions. Null after the last. close() is to be
// called at the end.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
