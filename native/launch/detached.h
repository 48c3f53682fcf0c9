#pragma once

#include "launch/program.h"

namespace tracegate {

// As ExecSealed(), but no path leads to the copy. The copy lies on a tmpfs that was made in its own user namespace and
// is not mounted. A process of the same uid reaches a detached mount only by a descriptor, and this process, which has
// the descriptors, is closed. The function does not return.
[[noreturn]] void ExecDetached(const Program& program, char** arguments);

}  // namespace tracegate
