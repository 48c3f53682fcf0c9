#pragma once

#include <sys/stat.h>

#include <string>

namespace tracegate {

// Copies the program `source` to `name` in the directory `directory`. The users who may execute the original may
// execute the copy, and no user may read the copy. The copy gets its name when it is whole. Returns 0, or -errno with
// nothing left behind.
int CopyUnreadable(int source, const struct stat& original, int directory, const std::string& name);

}  // namespace tracegate
