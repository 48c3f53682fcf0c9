#pragma once

#include <cstdint>
#include <string_view>

namespace tracegate {

// One line of /proc/PID/status, for a caller that needs no more than that (proc/process_status.h parses them all).

// The tracer's pid, or 0: fs/proc/array.c, task_state().
constexpr std::string_view kTracerLine = "TracerPid";

// Parses the value of a line that holds one number.
bool ParseNumber(std::string_view value, int64_t* number);

// Returns the number in that line, or -1 if the text has no such line or the line holds no number. A process cannot
// forge a line: the kernel escapes line breaks in its name.
int64_t ParseStatusNumber(std::string_view text, std::string_view line_name);

}  // namespace tracegate
