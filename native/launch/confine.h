#pragma once

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

// Puts this process into a Landlock domain of its own, tries from there what the domain should refuse, and writes the
// report to `report_fd` (-1: to nowhere). From then on the process has no_new_privs. The function ends the process if
// what was asked can't be closed.
void ConfineSelf(Confine confine, int report_fd);

}  // namespace tracegate
