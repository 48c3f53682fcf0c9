#pragma once

#include "launch/keeper.h"
#include "launch/program.h"

namespace tracegate {

// Executes a copy of the program that may be executed but not read: fs/exec.c, would_dump() makes such a
// process non-dumpable before its first instruction. Only returns by ending the process.
[[noreturn]] void ExecSealed(const Program& program, char** arguments);

// Whether directory and program are what they were, not so much as touched.
bool IsUntouched(const Untouched& before, const PrivateDirectory& directory);

}  // namespace tracegate
