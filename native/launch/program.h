#pragma once

#include <string>
#include <vector>

#include "launch/elf.h"
#include "syscall/unique_fd.h"

namespace tracegate {

// What a command's exec would end up executing.
struct Program {
  std::string path;
  UniqueFd file;                   // for reading; none where we may execute but not read it
  std::vector<std::string> words;  // its argv
  ElfFacts elf;
};

// Its argv as execve(2) takes it, for as long as the program lives.
std::vector<char*> Arguments(const Program& program);

// Where execvp(3) would find it: in PATH unless it has a slash. Ends the process with 127 or 126 if nowhere.
std::string FindProgram(const std::string& name);

// Follows `#!` lines as the kernel does (fs/binfmt_script.c, load_script), down to the interpreter, and
// through /usr/bin/env, which is no interpreter but executes one: what env executed would not be sealed.
Program ResolveProgram(char** command);

}  // namespace tracegate
