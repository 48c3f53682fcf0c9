#pragma once

#include <string>
#include <vector>

#include "launch/confine_attempts.h"

namespace tracegate {

struct OpenChannel {
  Channel channel;
  std::string why;
  std::string remedy;
};

// schemas/confine.schema.json
struct ConfineReport {
  int landlock_abi = 0;  // 0: there is none
  std::vector<Channel> closed;
  std::vector<Channel> verified;  // of the closed ones: an attempt succeeded before, and is refused now
  std::vector<OpenChannel> open;
  std::vector<const char*> side_effects;
  std::vector<Attempt> attempts;  // none, if nothing is closed
};

const char* NameOf(Channel channel);

// Writes the report to `fd` as one line of JSON and closes the number, unless it is a standard one. The function ends the
// process if the report can't be written.
void WriteReport(const ConfineReport& report, int fd);

}  // namespace tracegate
