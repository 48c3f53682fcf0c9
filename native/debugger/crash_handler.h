#pragma once

#include <sys/types.h>

#include "syscall/unique_fd.h"

namespace tracegate {

struct CrashHandling {
  pid_t debugger;   // held by tracegate-launch --hold-fd
  UniqueFd order;   // where it waits for its DebuggingOrder
  bool declares;    // PR_SET_PTRACER: not on a kernel without Yama
  int patience_ms;  // how long a crash waits for the debugger's end, which SIGALRM then ends
  const void* owner;  // whose end ends this: the environment that asked
};

// From now on SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS and SIGTRAP let in that debugger first: the thread that
// crashes declares it, makes the process dumpable, has it start, waits for its end, closes the process again, and dies of
// its signal. That is done by the process that crashes, at that moment: so also in a child of fork(), whom no declaration
// of its parent's covers, unless the debugger looks at its parent already.
//
// 0; -EBUSY: there is one; -ESRCH: the debugger has ended; or -errno.
int HandleCrashes(CrashHandling handling);

// As it was before; the debugger ends without having run. False: this owner has none.
bool StopHandlingCrashes(const void* owner);

}  // namespace tracegate
