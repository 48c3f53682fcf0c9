#pragma once

namespace tracegate {

// Returns whether perf_event_open, at the running kernel.perf_event_paranoid, admits a thread whose effective set is
// this capability alone. `capability` is a number; -1 means none. The calling thread must be permitted the capability.
//
// 1: the kernel admits the thread. 0: the kernel answers EACCES before it looks for the target. -errno: the question
// failed. No event is opened, and the calling thread keeps its capabilities.
int PerfAdmits(int capability);

}  // namespace tracegate
