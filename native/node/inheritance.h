#pragma once

namespace tracegate {

// Restores what a program should inherit from the process that started Node, not from Node: no ignored (SIGPIPE) or
// blocked signals, a blocking standard output and error, descriptors that pass exec, and the soft limit of open files.
void RestoreInheritance();

}  // namespace tracegate
