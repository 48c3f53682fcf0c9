#pragma once

#include "launch/keeper.h"
#include "launch/program.h"

namespace tracegate {

// Executes a copy of the program that is executable but unreadable. would_dump() of fs/exec.c makes such a process
// non-dumpable before its first instruction. The function does not return.
[[noreturn]] void ExecSealed(const Program& program, char** arguments);

// Returns whether directory and program are unchanged, down to their ctimes.
bool IsUntouched(const Untouched& before, const PrivateDirectory& directory);

}  // namespace tracegate
