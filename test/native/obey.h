#pragma once

#include <string>
#include <vector>

#include "reply.h"

namespace actor {

// One command, in words, and its answer: the table is in obey.cc. `channel` is where the process hears its
// commands.
Reply Obey(const std::vector<std::string>& words, int channel);

std::vector<std::string> Split(const std::string& line);

// "ERRNO VALUE"
std::string ToText(const Reply& reply);

}  // namespace actor
