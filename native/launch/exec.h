#pragma once

#include <string>
#include <vector>

namespace tracegate {

// Replaces this Node process by `program`, with `options` and then the last `count` words of Node's own command line,
// byte for byte. The function first restores what Node has changed in its process, as far as that is known:
// docs/launch.md. Returns only on failure, with -errno.
int Exec(const std::string& program, const std::vector<std::string>& options, size_t count);

}  // namespace tracegate
