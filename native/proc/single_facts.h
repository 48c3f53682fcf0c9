#pragma once

#include <cstdint>

#include "proc/process_directory.h"

namespace tracegate {

// Single facts of a process, for a caller that needs no row (proc/process_row.h).

// Returns field 22 of stat, in clock ticks since boot, or -1 if it is unreadable. With the pid it identifies a process.
int64_t ReadStartTime(const ProcessDirectory& directory);

// Returns the pid of the tracer, 0 if there is none, or -1 if it is unreadable.
int64_t ReadTracer(const ProcessDirectory& directory);

}  // namespace tracegate
