#pragma once

#include <sys/types.h>

#include <string>

namespace tracegate {

// What an attempt at another process' memory gave: the refusing system call and its errno, or what stood
// behind the marker (empty if it was not found).
struct Finding {
  const char* system_call;
  int error;
  std::string secret;
};

// Each searches for `marker` and returns the hexadecimal digits that follow it. They are the ways of an
// ordinary attacker with the target's uid; the kernel's rule is in brackets.
Finding SearchByAttach(pid_t pid, const std::string& marker);  // PTRACE_ATTACH, then mem [ATTACH_REALCREDS]
Finding SearchByProcessVmReadv(pid_t pid, const std::string& marker);  // [ATTACH_REALCREDS]
Finding SearchByMem(pid_t pid, const std::string& marker);             // /proc/PID/mem [ATTACH_FSCREDS]
Finding SearchByEnviron(pid_t pid, const std::string& marker);         // /proc/PID/environ [READ_FSCREDS]
// Raises the target's RLIMIT_CORE, ends it with SIGABRT and searches `directory` for the core file. [same
// uid, dumpable]
Finding SearchByCoreDump(pid_t pid, const std::string& marker, const std::string& directory);

}  // namespace tracegate
