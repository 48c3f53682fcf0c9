#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <string_view>
#include <vector>

#include "syscall/unique_fd.h"

namespace tracegate {

// What was read of a file. The memory stays for the next one.
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

// From its beginning, also when it was read before: the kernel writes it anew (fs/seq_file.c, seq_read_iter). 0 or -errno.
int ReadFile(const UniqueFd& file, FileBuffer* buffer);

// The files of /proc/PID, by that name: of whoever has the pid when it is asked. Each call returns 0 or -errno.
class ProcessDirectory {
 public:
  // `proc` is /proc, and stays open.
  ProcessDirectory(int proc, pid_t pid);
  // For one look: without /proc being open.
  explicit ProcessDirectory(pid_t pid);

  int Read(const char* name, FileBuffer* buffer) const;
  UniqueFd Open(const char* name) const;

  // From its beginning, as long as the text so far has it.
  int ReadWhile(const char* name, bool (*wants_more)(std::string_view), FileBuffer* buffer) const;

  // Of its process, in the kernel's order.
  int ListThreads(std::vector<pid_t>* tids) const;

  int ReadLink(const char* name, FileBuffer* buffer) const;
  int Stat(const char* name, struct stat* status) const;

 private:
  using Path = std::array<char, 64>;
  Path PathOf(const char* name) const;

  int proc_;
  Path beginning_;
  size_t length_;
};

}  // namespace tracegate
