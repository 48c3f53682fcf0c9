#pragma once

#include <string>

namespace tracegate {

// Takes the name that the exec of `program` will give, so that a grant is asked for under that name. Then writes a byte
// to `fd` to report that the launcher is ready, and waits there for the DebuggingOrder. The pid of the order then
// replaces each `{}` of the words. An order of a crash also sets TRACEGATE_CRASH_THREAD and TRACEGATE_CRASH_SIGNAL in
// the environment.
//
// The process ends without a message if the starting process ends or closes the socket. Until the order comes, signals
// to all processes of a terminal or service do not end this process. With `obeys_sigterm` SIGTERM does.
void HoldUntilOrdered(int fd, const std::string& program, char** words, bool obeys_sigterm);

}  // namespace tracegate
