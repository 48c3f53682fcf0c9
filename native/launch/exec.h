#pragma once

#include <string>
#include <vector>

namespace tracegate {

// Replaces this Node process by `program`, given `options` and then the last `count` words of Node's own
// command line, byte for byte. What Node changed in itself is put back first, as far as it can be known:
// docs/launch.md. Only returns if it fails: -errno.
int Exec(const std::string& program, const std::vector<std::string>& options, size_t count);

}  // namespace tracegate
