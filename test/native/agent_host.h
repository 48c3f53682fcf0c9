#pragma once

#include <cstdint>
#include <vector>

#include "reply.h"

namespace actor {

// Where agents may come (agent/image.h): every process of this program bears the two words by which they know it.

// The address of the secret word, where agents read it: the same in every process.
Reply SecretAddress();

// The first agent, a thread of this process with the calling thread's credentials. The orchestrator's socket is a
// path of eight letters a number.
Reply HostAgent(int64_t token, const std::vector<uint64_t>& path);

}  // namespace actor
