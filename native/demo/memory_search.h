#pragma once

#include <sys/types.h>

#include <string>

namespace tracegate {

// The result of an attempt at the memory of another process: the system call that failed and its errno, or the text
// behind the marker (empty if the marker was not found).
struct Finding {
  const char* system_call;
  int error;
  std::string secret;
};

// Each function searches for `marker` and returns the hexadecimal digits behind it. The ways are those of an ordinary
// attacker with the target's uid. The kernel's rule is in brackets.
Finding SearchByAttach(pid_t pid, const std::string& marker);  // PTRACE_ATTACH, then mem [ATTACH_REALCREDS]
Finding SearchByProcessVmReadv(pid_t pid, const std::string& marker);  // [ATTACH_REALCREDS]
Finding SearchByMem(pid_t pid, const std::string& marker);             // /proc/PID/mem [ATTACH_FSCREDS]
Finding SearchByEnviron(pid_t pid, const std::string& marker);         // /proc/PID/environ [READ_FSCREDS]
// Raises the target's RLIMIT_CORE, ends it with SIGABRT and searches `directory` for the core file. [same
// uid, dumpable]
Finding SearchByCoreDump(pid_t pid, const std::string& marker, const std::string& directory);

}  // namespace tracegate
