#pragma once

#include <string>
#include <utility>

#include "syscall/unique_fd.h"

namespace actor {

// Both ends of a new channel: a SOCK_SEQPACKET pair, so that one send is one message, and the end of the
// process at the other side is an end of file.
std::pair<tracegate::UniqueFd, tracegate::UniqueFd> NewChannel();

// A descriptor may travel with the message. False: the other end is closed.
bool Send(int channel, const std::string& message, int passed = -1);
bool Receive(int channel, std::string* message, tracegate::UniqueFd* passed = nullptr);

}  // namespace actor
