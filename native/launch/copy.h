#pragma once

#include <sys/stat.h>

#include <string>

namespace tracegate {

// Copies the program `source` to `name` in the directory `directory`, executable by whom the original is and
// readable by nobody. It gets its name when it is whole. 0, or -errno with nothing left.
int CopyUnreadable(int source, const struct stat& original, int directory, const std::string& name);

}  // namespace tracegate
