#pragma once

namespace tracegate {

// Reads an environment from a pipe, `FD:BYTES`, in the format of /proc/PID/environ, and adds it behind the launcher's
// own environment. If both have a name, the launcher's own value counts. Other processes of the uid can read the
// environment that the launcher is started with until the launcher has closed itself. They cannot read the one from the
// pipe.
//
// The function ends the process if a tracer is already attached, or if the pipe holds less than BYTES.
void ReceiveEnvironment(const char* word);

}  // namespace tracegate
