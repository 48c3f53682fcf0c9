#pragma once

namespace tracegate {

// Says on `fd` that it is ready, by a byte, and waits there for the DebuggingOrder, then puts its pid for each `{}` of the words, and of a crash TRACEGATE_CRASH_THREAD
// and TRACEGATE_CRASH_SIGNAL into the environment. Ends the process without a word if whoever started us is gone or
// thinks better of it; what ends a terminal's or a service's processes together doesn't end it before, but for SIGTERM with
// `obeys_sigterm`.
void HoldUntilOrdered(int fd, char** words, bool obeys_sigterm);

}  // namespace tracegate
