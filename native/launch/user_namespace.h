#pragma once

#include "syscall/unique_fd.h"

namespace tracegate {

// A new user namespace in which this process' uid and gid are mapped to themselves. Ends the process if there
// can be none.
UniqueFd MakeUserNamespace();

constexpr char kNoUserNamespace[] =
    "--deny=detached takes a user namespace, which this system may refuse to users: use --deny=sealed";

}  // namespace tracegate
