#pragma once

namespace tracegate {

// What this process does at a signal: sigaction(2).
enum class Disposition : int { kDefault = 0, kIgnored = 1, kHandled = 2 };

// Returns a Disposition, or -errno.
int DispositionOf(int signal);

// Returns 0 or -errno. `disposition` is kDefault or kIgnored.
int SetDisposition(int signal, Disposition disposition);

}  // namespace tracegate
