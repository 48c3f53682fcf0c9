#pragma once

namespace tracegate {

// Reads the environment from a pipe, `FD:BYTES`, as /proc/PID/environ has it, and puts it behind our own, which counts where
// both have a name. What we are started with is open to others of our uid until we have closed ourselves; this isn't.
// Ends the process where somebody traces it already, or the pipe holds less.
void ReceiveEnvironment(const char* word);

}  // namespace tracegate
