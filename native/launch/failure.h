#pragma once

#include <string>

namespace tracegate {

// What `tracegate-launch` exits with when the command was not started. 126 and 127 are the shell's, 125 is
// what env(1), nohup(1) and timeout(1) give for themselves.
enum ExitCode : int { kUsage = 2, kNotLaunched = 125, kNotExecutable = 126, kNotFound = 127 };

// One line on standard error: what failed, why, what to do. Then the end.
[[noreturn]] void Fail(ExitCode code, const std::string& line);

// As Fail, with the errno's text: "WHAT: No space left on device: ADVICE".
[[noreturn]] void FailErrno(ExitCode code, const std::string& what, int error,
                            const std::string& advice = "");

// In quotes, and without what a terminal would obey.
std::string Quoted(const std::string& word);

}  // namespace tracegate
