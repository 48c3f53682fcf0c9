#pragma once

#include "syscall/landlock.h"

namespace tracegate {

// What a confined program can't do to processes outside of its tree. Tracing is always closed.
enum class Confine {
  kNo,
  kAvailable,        // all that this kernel's Landlock can close: at least tracing
  kAll,              // tracing, signals and abstract sockets
  kTracing,
  kSignals,          // tracing and signals
  kAbstractSockets,  // tracing and abstract sockets
  kBestEffort,       // as kAvailable; without Landlock nothing
};

// Puts this process, which has one thread or enters with all, into a Landlock domain of its own, tries from there what the domain should refuse, and writes the
// report to `report_fd` (-1: to nowhere). From then on the process has no_new_privs. The function ends the process if
// what was asked can't be closed.
void ConfineSelf(Confine confine, int report_fd, Threads threads = Threads::kCalling);

// ConfineSelf(Confine::kAvailable) for a process of several threads. Returns false, and changes nothing, if this is
// impossible: the kernel can restrict one thread alone, the process has capabilities that each thread would have to give
// up, or it is not dumpable and so may have secrets, of which the victim of the attempts has a copy.
bool ConfineAllThreads();

}  // namespace tracegate
