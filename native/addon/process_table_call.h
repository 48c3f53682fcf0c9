#pragma once

#include <napi.h>

namespace tracegate {

// A ProcessTable for lib/kernel/process-table.ts. Arguments: the pids as an Int32Array, or null for all that /proc
// lists; the Wanted bits; and the number of rows in a portion. Returns { count, next, close } or -errno.
//
// next() returns a portion { rows, profiles, strings }, or null after the last one. `rows` has a number in each column
// for each process that still exists, and `profiles` for each new profile. `strings` has the new strings. Rows and profiles refer to strings and profiles by a number that runs through all portions. The caller
// calls close() at the end.
Napi::Value ProcessTableCall(const Napi::CallbackInfo& info);

// Returns { row, profile }: the names of the columns, in their order.
Napi::Value ProcessTableColumnsCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
