#pragma once

namespace tracegate {

// What this process does at a signal: sigaction(2).
enum class Disposition : int { kDefault = 0, kIgnored = 1, kHandled = 2 };

// A Disposition, or -errno.
int DispositionOf(int signal);

// 0 or -errno. `disposition` is one of the first two.
int SetDisposition(int signal, Disposition disposition);

}  // namespace tracegate
