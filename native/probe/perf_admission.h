#pragma once

namespace tracegate {

// Whether the kernel admits to perf_event_open, at the running kernel.perf_event_paranoid, a thread whose effective set is
// this capability alone, by its number; -1: none. The calling thread must be permitted the capability.
//
// 1: it does; 0: EACCES before it looks for the target; -errno: it could not be asked. No event is opened, and the calling
// thread keeps its capabilities.
int PerfAdmits(int capability);

}  // namespace tracegate
