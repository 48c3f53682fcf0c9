#include "node/inheritance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>

#include "syscall/unique_stream.h"

namespace tracegate {
namespace {

// Node ignores SIGPIPE and SIGXFSZ, and sets every other signal to its default, even a signal that its parent had
// ignored (src/node.cc, ResetSignalHandlers). The parent's setting is lost.
void RestoreSignals() {
  struct sigaction usual = {};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &usual, nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

std::map<int, std::string> OpenFiles() {
  std::map<int, std::string> files;
  const UniqueDir entries(opendir("/proc/self/fd"));
  if (!entries) return files;
  const int own = dirfd(entries.get());
  while (const dirent* entry = readdir(entries.get())) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(own, entry->d_name, target, sizeof target);
    const int fd = atoi(entry->d_name);
    if (length > 0 && fd != own) files[fd] = std::string(target, static_cast<size_t>(length));
  }
  return files;
}

// The next two functions rest on the assumption `own-descriptors` of lib/kernel/node-internals.ts.

// libuv keeps one /dev/null in reserve from its first stream on (uv__stream_init). Here that stream is standard output,
// unless standard output is a file. If two descriptors fit, the reserve is the later one. Returns -1 if none fits.
int ReserveOf(const std::map<int, std::string>& files) {
  struct stat output;
  if (fstat(STDOUT_FILENO, &output) != 0 || S_ISREG(output.st_mode)) return -1;
  int reserve = -1;
  bool has_loop = false;
  for (const auto& [fd, file] : files) {
    has_loop = has_loop || file == "anon_inode:[eventpoll]";
    const bool is_candidate = has_loop && file == "/dev/null" && fcntl(fd, F_GETFD) == FD_CLOEXEC;
    if (is_candidate && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) reserve = fd;
  }
  return reserve;
}

// libuv's event loops and their wake-ups. If this process holds both ends of a pipe, no other process uses that pipe.
bool IsOfNode(const std::string& file, const std::map<int, std::string>& files) {
  if (file.compare(0, 11, "anon_inode:") == 0) return true;
  if (file.compare(0, 5, "pipe:") != 0) return false;
  int ends = 0;
  for (const auto& [fd, other] : files) ends += fd > STDERR_FILENO && other == file;
  return ends > 1;
}

// At its start Node sets FD_CLOEXEC on all inherited descriptors (libuv, uv_disable_stdio_inheritance), and later on
// its own. So a descriptor that is not recognised as Node's own was inherited, and had passed an exec.
void RestoreDescriptors() {
  const std::map<int, std::string> files = OpenFiles();
  const int reserve = ReserveOf(files);
  for (const auto& [fd, file] : files) {
    const bool is_own = fd > STDERR_FILENO && (fd == reserve || IsOfNode(file, files));
    if (!is_own) fcntl(fd, F_SETFD, 0);
  }
  // libuv makes pipes non-blocking if process.stdout or stderr writes to them.
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

// Node raises its soft limit to the hard one (assumption `open-files-limit`), and this process cannot read the earlier
// limit. The parent still has that limit, unless the limit was changed between the parent and this process.
void RestoreOpenFilesLimit() {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/limits", getppid());
  const UniqueFile limits(fopen(path, "re"));
  if (!limits) return;
  unsigned long long soft = 0, hard = 0;
  bool is_found = false;
  while (!is_found && fgets(line, sizeof line, limits.get()) != nullptr) {
    is_found = sscanf(line, "Max open files %llu %llu", &soft, &hard) == 2;
  }
  rlimit limit;
  if (!is_found || getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  if (limit.rlim_cur != limit.rlim_max || limit.rlim_max != hard || soft >= hard) return;
  limit.rlim_cur = soft;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void RestoreInheritance() {
  RestoreSignals();
  RestoreDescriptors();
  RestoreOpenFilesLimit();
}

}  // namespace tracegate
