#pragma once

namespace tracegate {

// Waits on `fd` for the DebuggingOrder, then puts its pid for each `{}` of the words, and of a crash TRACEGATE_CRASH_THREAD
// and TRACEGATE_CRASH_SIGNAL into the environment. Ends the process without a word if whoever started us is gone or
// thinks better of it.
void HoldUntilOrdered(int fd, char** words);

}  // namespace tracegate
