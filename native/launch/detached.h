#pragma once

#include "launch/program.h"

namespace tracegate {

// As ExecSealed(), of a copy that no path leads to: it lies on a tmpfs that was made in a user namespace of
// its own and is mounted nowhere. A process of the same uid reaches a detached mount by descriptors alone,
// and this process, which has them, is closed. Only returns by ending the process.
[[noreturn]] void ExecDetached(const Program& program, char** arguments);

}  // namespace tracegate
