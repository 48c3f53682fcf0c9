#pragma once

#include <sys/types.h>

namespace tracegate {

// Ends and reaps the helper programs that this thread's Node environment started and no longer waits for. When Node
// terminates a worker, it closes the handles of the worker's children without a wait, which leaves zombies until the
// process ends. The environment calls this on its own thread when it ends.
void EndOrphanedHelpers();

// Reaps a stranger that this process adopted as init of its pid namespace or as a subreaper. The stranger has closed
// its output, which is its last act. Returns 0, or -ECHILD if other code has already reaped the stranger.
int ReapOrphan(pid_t pid);

}  // namespace tracegate
