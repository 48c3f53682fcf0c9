#pragma once

#include "syscall/unique_fd.h"

namespace tracegate {

// Makes a user namespace in which this process' uid and gid are mapped to themselves. The function ends the process on
// failure.
UniqueFd MakeUserNamespace();

constexpr char kNoUserNamespace[] =
    "--deny=detached takes a user namespace, which this system may refuse to users: use --deny=sealed";

}  // namespace tracegate
