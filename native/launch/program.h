#pragma once

#include <string>
#include <vector>

#include "launch/elf.h"
#include "syscall/unique_fd.h"

namespace tracegate {

// The program that the exec of a command really executes.
struct Program {
  std::string path;
  UniqueFd file;                   // open for reading; none if the program is executable but unreadable
  std::vector<std::string> words;  // its argv
  ElfFacts elf;
};

// Returns the argv of a program for execve(2). The pointers are valid as long as the program lives.
std::vector<char*> Arguments(const Program& program);

// Returns the path that execvp(3) would find: PATH decides unless the name has a slash. If there is no such program,
// the function ends the process with 127 or 126.
std::string FindProgram(const std::string& name);

// Follows `#!` lines as the kernel does (fs/binfmt_script.c, load_script), down to the interpreter. The function also
// looks through /usr/bin/env, which executes the real interpreter: otherwise env would be sealed, and the interpreter
// would not.
Program ResolveProgram(char** command);

}  // namespace tracegate
