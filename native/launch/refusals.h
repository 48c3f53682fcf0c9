#pragma once

#include <sys/stat.h>

#include "launch/program.h"

namespace tracegate {

// Each function ends the process, with advice, if the started program would not work as before or would not be closed.

// Refuses a program whose copy would lose set-id bits, file capabilities, or the libraries that $ORIGIN finds.
void RefuseToCopy(const Program& program, struct stat* status);

// What a library is preloaded for.
struct PreloadPurpose {
  const char* set_id_advice;
  const char* advice;
  bool allows_unreadable;
};

constexpr PreloadPurpose kToDeny = {
    "it can't be denied from outside without losing them; start it without --deny, the kernel itself closes it "
    "(fs.suid_dumpable)",
    "use --deny=sealed", true};

constexpr PreloadPurpose kToDeclare = {
    "the dynamic linker preloads nothing into it, so its children would declare no tracer; start it without --ptracer",
    "declare the tracer of the first process alone, by --ptracer PID or any without --tree", false};

// Refuses a program whose dynamic linker would not load `library`. The linker warns at most, and the program would run
// without the library.
void RefuseToPreload(const Program& program, const std::string& library, const PreloadPurpose& purpose);

// Refuses if the kernel would start an unreadable program dumpable.
void RefuseIfUnreadableIsDumpable();

// Refuses to go on under a tracer: a tracer stays attached through exec, and could open the process again.
void RefuseIfTraced();

}  // namespace tracegate
