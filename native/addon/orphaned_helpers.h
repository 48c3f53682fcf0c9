#pragma once

#include <sys/types.h>

namespace tracegate {

// Ends and reaps the helper programs that this thread's Node environment has started and will not wait for
// any more: Node closes the handles of a terminated worker's children without a wait, which leaves zombies
// until the process ends. To be called on the environment's own thread when it ends.
void EndOrphanedHelpers();

// Waits for a stranger that this process adopted, as init of its pid namespace or as a subreaper does, and
// that has closed its output, which is its last act. 0, or -ECHILD if somebody else was faster.
int ReapOrphan(pid_t pid);

}  // namespace tracegate
