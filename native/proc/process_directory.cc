#include "proc/process_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "syscall/result.h"
#include "syscall/unique_stream.h"

namespace tracegate {
namespace {

// Size of the first read. This covers the first word of most command lines.
constexpr size_t kBeginning = 512;

}  // namespace

ProcessDirectory::ProcessDirectory(int proc, pid_t pid)
    : proc_(proc), length_(static_cast<size_t>(snprintf(beginning_.data(), beginning_.size(), "%d/", pid))) {}

ProcessDirectory::ProcessDirectory(pid_t pid)
    : proc_(AT_FDCWD),
      length_(static_cast<size_t>(snprintf(beginning_.data(), beginning_.size(), "/proc/%d/", pid))) {}

ProcessDirectory::ProcessDirectory(const Path& beginning)
    : proc_(AT_FDCWD), beginning_(beginning), length_(strlen(beginning.data())) {}

ProcessDirectory ProcessDirectory::OfSelf() {
  return ProcessDirectory(Path{"/proc/self/"});
}

ProcessDirectory::Path ProcessDirectory::PathOf(const char* name) const {
  Path path = beginning_;
  strncpy(path.data() + length_, name, path.size() - length_ - 1);
  return path;
}

int ReadFile(const UniqueFd& file, FileBuffer* buffer) {
  buffer->length_ = 0;
  for (;;) {
    char* const at = buffer->bytes_.data() + buffer->length_;
    const size_t space = buffer->bytes_.size() - buffer->length_;
    const auto offset = static_cast<off_t>(buffer->length_);
    const ssize_t got = RetryEintr([&] { return pread(file.get(), at, space, offset); });
    if (got < 0) return -errno;
    buffer->length_ += static_cast<size_t>(got);
    // The kernel returns a file of one record as a whole if the buffer has room (fs/seq_file.c, seq_read_iter). So a
    // short read is the last one.
    if (static_cast<size_t>(got) < space) return 0;
    buffer->bytes_.resize(2 * buffer->bytes_.size());
  }
}

UniqueFd ProcessDirectory::Open(const char* name) const {
  return UniqueFd(openat(proc_, PathOf(name).data(), O_RDONLY | O_CLOEXEC));
}

int ProcessDirectory::Read(const char* name, FileBuffer* buffer) const {
  const UniqueFd file = Open(name);
  return file ? ReadFile(file, buffer) : -errno;
}

int ProcessDirectory::ReadWhile(const char* name, bool (*wants_more)(std::string_view),
                                FileBuffer* buffer) const {
  buffer->length_ = 0;
  const UniqueFd file = Open(name);
  if (!file) return -errno;
  for (size_t most = kBeginning;; most = buffer->bytes_.size()) {
    if (buffer->length_ == buffer->bytes_.size()) buffer->bytes_.resize(2 * buffer->bytes_.size());
    char* const at = buffer->bytes_.data() + buffer->length_;
    const size_t space = std::min(most, buffer->bytes_.size() - buffer->length_);
    const ssize_t got = RetryEintr([&] { return read(file.get(), at, space); });
    if (got < 0) return -errno;
    buffer->length_ += static_cast<size_t>(got);
    if (got == 0 || !wants_more(buffer->text())) return 0;
  }
}

int ProcessDirectory::ListThreads(std::vector<pid_t>* tids) const {
  UniqueFd directory(openat(proc_, PathOf("task").data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return -errno;
  const UniqueDir list = ListOf(std::move(directory));
  if (!list) return -errno;
  errno = 0;
  while (const dirent* entry = readdir(list.get())) {
    if (entry->d_name[0] != '.') tids->push_back(static_cast<pid_t>(strtol(entry->d_name, nullptr, 10)));
  }
  return -errno;
}

int ProcessDirectory::ReadLink(const char* name, FileBuffer* buffer) const {
  buffer->length_ = 0;
  const ssize_t length = readlinkat(proc_, PathOf(name).data(), buffer->bytes_.data(), buffer->bytes_.size());
  if (length < 0) return -errno;
  buffer->length_ = static_cast<size_t>(length);
  return 0;
}

int ProcessDirectory::Stat(const char* name, struct stat* status) const {
  return ToResult(fstatat(proc_, PathOf(name).data(), status, 0));
}

}  // namespace tracegate
