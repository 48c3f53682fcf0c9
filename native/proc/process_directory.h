#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <string_view>
#include <vector>

#include "syscall/unique_fd.h"

namespace tracegate {

// The text of the last file that was read. Later reads reuse the memory.
class FileBuffer {
 public:
  FileBuffer() : bytes_(16384) {}
  std::string_view text() const { return {bytes_.data(), length_}; }

 private:
  friend class ProcessDirectory;
  friend int ReadFile(const UniqueFd& file, FileBuffer* buffer);
  std::vector<char> bytes_;
  size_t length_ = 0;
};

// Reads an open file from its beginning. A second read gets the present state, because the kernel writes the text again
// (fs/seq_file.c, seq_read_iter). Returns 0 or -errno.
int ReadFile(const UniqueFd& file, FileBuffer* buffer);

// The files of /proc/PID. Each call resolves the path again, so the call reads the process that has the pid at that
// time. The calls that return int return 0 or -errno.
class ProcessDirectory {
 public:
  // `proc` is a descriptor of /proc. The caller keeps the descriptor open longer than this object.
  ProcessDirectory(int proc, pid_t pid);
  // Resolves each path from the root. This suits a single look, which needs no descriptor of /proc.
  explicit ProcessDirectory(pid_t pid);
  // /proc/self: the calling process, also if /proc is that of an outer pid namespace.
  static ProcessDirectory OfSelf();

  int Read(const char* name, FileBuffer* buffer) const;
  UniqueFd Open(const char* name) const;

  // Reads from the beginning of the file, and goes on while `wants_more` returns true for the text so far.
  int ReadWhile(const char* name, bool (*wants_more)(std::string_view), FileBuffer* buffer) const;

  // Lists the thread ids of the process, in the kernel's order.
  int ListThreads(std::vector<pid_t>* tids) const;

  int ReadLink(const char* name, FileBuffer* buffer) const;
  int Stat(const char* name, struct stat* status) const;

 private:
  using Path = std::array<char, 64>;
  explicit ProcessDirectory(const Path& beginning);
  Path PathOf(const char* name) const;

  int proc_;
  Path beginning_;
  size_t length_;
};

}  // namespace tracegate
