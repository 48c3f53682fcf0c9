#pragma once

#include "launch/program.h"

namespace tracegate {

// Executes the command with tracegate-preload.so in LD_PRELOAD, which closes it before main() and stays in
// the environment, so that what it executes is closed too.
[[noreturn]] void ExecPreloaded(const Program& program, char** command);

}  // namespace tracegate
