#pragma once

#include <sys/stat.h>

#include "launch/program.h"

namespace tracegate {

// Each ends the process, with what to do instead, if the program would not be what it is.

// A copy would lose set-id bits and file capabilities, and the libraries that $ORIGIN finds.
void RefuseToCopy(const Program& program, struct stat* status);

// Where the dynamic loader would not take `library`: it warns at most, and the program would run open.
void RefuseToPreload(const Program& program, const std::string& library);

// Whoever traces this process already would keep it through exec and could open it again.
void RefuseIfTraced();

}  // namespace tracegate
