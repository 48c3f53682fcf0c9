#pragma once

#include <sys/types.h>

#include "syscall/unique_fd.h"

namespace tracegate {

struct CrashHandling {
  pid_t debugger;   // held by tracegate-launch --hold-fd
  UniqueFd order;   // the socket on which the debugger waits for its DebuggingOrder
  bool declares;    // whether to call PR_SET_PTRACER: not on a kernel without Yama
  int timeout_ms;  // how long a crash waits for the debugger's end; SIGALRM ends the debugger then
  const void* owner;  // the environment that asked: its end stops the handling
};

// From now on a crash by SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS or SIGTRAP first lets that debugger in. The
// crashing thread declares the debugger, makes the process dumpable, starts the debugger, and waits for its end. Then
// the thread closes the process again, and dies of its signal. The process that crashes does all this itself, at that
// moment. So a child of fork() is covered too, which has no declaration of its own, unless the debugger already looks
// at its parent.
//
// Returns 0; -EBUSY: a handler is already set; -ESRCH: the debugger has ended; or -errno.
int HandleCrashes(CrashHandling handling);

// Restores the earlier handlers. The debugger ends without having run. Returns false if this owner has set no handler.
bool StopHandlingCrashes(const void* owner);

}  // namespace tracegate
