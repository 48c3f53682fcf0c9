#pragma once

namespace tracegate {

// Whether the kernel opens perf events at all, at the running kernel.perf_event_paranoid, to who has this capability alone
// effective, by its number; -1: none. The calling thread must be permitted it.
//
// 1: it does; 0: EACCES before it looks for the target; -errno: it could not be asked. No event is opened, and the calling
// thread keeps its capabilities.
int PerfAdmits(int capability);

}  // namespace tracegate
