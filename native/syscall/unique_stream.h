#pragma once

#include <dirent.h>

#include <cstdio>
#include <memory>

#include "syscall/unique_fd.h"

namespace tracegate {

struct CloseStream {
  void operator()(DIR* directory) const { closedir(directory); }
  void operator()(FILE* file) const { fclose(file); }
};

// Own a stream of the C library; they close it at the end of their scope. Null: it could not be opened.
using UniqueDir = std::unique_ptr<DIR, CloseStream>;
using UniqueFile = std::unique_ptr<FILE, CloseStream>;

// Lists an open directory. The result is null, with errno set, if no stream could be made.
inline UniqueDir ListOf(UniqueFd directory) {
  UniqueDir list(fdopendir(directory.get()));
  if (list) directory.release();
  return list;
}

}  // namespace tracegate
