#pragma once

#include "launch/program.h"

namespace tracegate {

// Executes the command with tracegate-preload.so in LD_PRELOAD. The library closes the command before main().
// LD_PRELOAD stays in the environment, so programs that the command executes are closed too.
[[noreturn]] void ExecPreloaded(const Program& program, char** command);

}  // namespace tracegate
