#pragma once

namespace tracegate {

// Returns in how many Landlock domains the calling thread is, each within the one before. No call of the kernel tells it.
// So a child enters further domains until the kernel refuses one. -errno: no child or no domain could be made, or
// -EOPNOTSUPP: the kernel's limit isn't known, or something else than the kernel has answered.
int CountLandlockDomains();

}  // namespace tracegate
