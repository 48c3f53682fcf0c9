#pragma once

#include <string>

namespace tracegate {

// Exit codes of `tracegate-launch` if the command was not started. 126 and 127 are the shell's; env(1), nohup(1) and
// timeout(1) use 125 for their own failures.
enum ExitCode : int { kUsage = 2, kNotLaunched = 125, kNotExecutable = 126, kNotFound = 127 };

// Writes one line to standard error.
void Say(const std::string& line);

// As Say (what failed, why, what to do), and ends the process.
[[noreturn]] void Fail(ExitCode code, const std::string& line);

// As Fail, with the errno's text: "WHAT: No space left on device: ADVICE".
[[noreturn]] void FailErrno(ExitCode code, const std::string& what, int error,
                            const std::string& advice = "");

// Returns the word in quotes, without the control characters that a terminal would obey.
std::string Quoted(const std::string& word);

}  // namespace tracegate
