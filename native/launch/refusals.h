#pragma once

#include <sys/stat.h>

#include "launch/program.h"

namespace tracegate {

// Each function ends the process, with advice, if the started program would not work as before or would not be closed.

// Refuses a program whose copy would lose set-id bits, file capabilities, or the libraries that $ORIGIN finds.
void RefuseToCopy(const Program& program, struct stat* status);

// Refuses a program whose dynamic linker would not load `library`. The linker warns at most, and the program would run open.
void RefuseToPreload(const Program& program, const std::string& library);

// Refuses if the kernel would start an unreadable program dumpable.
void RefuseIfUnreadableIsDumpable();

// Refuses to go on under a tracer: a tracer stays attached through exec, and could open the process again.
void RefuseIfTraced();

}  // namespace tracegate
