#pragma once

namespace tracegate {

// What a program that Node executes should inherit from whoever started Node, rather than from Node: no
// signal ignored (SIGPIPE) or blocked, standard output and error that block, descriptors that pass exec, and
// the soft limit of open files.
void RestoreInheritance();

}  // namespace tracegate
