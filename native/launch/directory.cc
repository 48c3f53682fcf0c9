#include "launch/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "launch/failure.h"
#include "proc/process_directory.h"
#include "proc/single_facts.h"
#include "syscall/unique_stream.h"

namespace tracegate {
namespace {

constexpr char kAdvice[] = "set TMPDIR to a directory where you may write and execute, or use --deny=preload";

std::string Base() {
  const char* variable = getenv("TMPDIR");
  return variable == nullptr || *variable == 0 ? "/tmp" : variable;
}

// A user who may write to a directory on the way to the copy may put another program in its place. Root and the owner
// of the root directory, which in a user namespace may be nobody, can do so anyway.
void RefuseIfChangeable(const std::string& base) {
  struct stat top;
  if (stat("/", &top) != 0) FailErrno(kNotLaunched, "the directory \"/\"", errno);
  for (std::string path = base;; path.resize(std::max(path.rfind('/'), size_t{1}))) {
    struct stat status;
    if (lstat(path.c_str(), &status) != 0) FailErrno(kNotLaunched, "the directory " + Quoted(path), errno, kAdvice);
    const bool is_trusted = status.st_uid == 0 || status.st_uid == top.st_uid || status.st_uid == geteuid();
    const bool is_writable = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (!is_trusted || is_writable) {
      Fail(kNotLaunched, "other users may change the directory " + Quoted(path) +
                             (is_trusted ? " (it is writable, and not sticky)" : " (another user owns it)") +
                             ", so they could replace the private copy: " + kAdvice);
    }
    if (path == "/") return;
  }
}

uint64_t PidNamespace() {
  struct stat status;
  return stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

constexpr time_t kMinute = 60;

// Returns whether the directory is stale, if also no process holds its lock.
bool IsStale(const char* name, const struct stat& status) {
  uint64_t pid_namespace;
  int64_t start;
  unsigned pid;
  int used = 0;
  constexpr char kName[] = "tracegate-%" SCNu64 "-%u-%" SCNd64 "-%n";
  if (sscanf(name, kName, &pid_namespace, &pid, &start, &used) != 3 || used == 0) return false;
  // If the process is gone, its pid has another start time or none. A process of another pid namespace is invisible
  // here, and the end of pid 1 of a namespace also ends the keeper. Then the lock decides, except between mkdtemp and
  // flock.
  if (pid_namespace == PidNamespace()) return ReadStartTime(ProcessDirectory(static_cast<pid_t>(pid))) != start;
  return time(nullptr) - status.st_ctim.tv_sec > kMinute;
}

}  // namespace

PrivateDirectory MakePrivateDirectory() {
  const std::string base = Base();
  char name[96];
  snprintf(name, sizeof name, "/tracegate-%" PRIu64 "-%d-%" PRId64 "-XXXXXX", PidNamespace(), getpid(),
           ReadStartTime(ProcessDirectory::OfSelf()));
  // The path is absolute, as a path in /proc/self/exe is.
  char real[PATH_MAX];
  if (realpath(base.c_str(), real) == nullptr) FailErrno(kNotLaunched, "the temporary directory " + Quoted(base), errno, kAdvice);
  PrivateDirectory directory = {std::string(real) + name, UniqueFd()};
  RefuseIfChangeable(real);
  struct statvfs system;
  if (statvfs(base.c_str(), &system) == 0 && (system.f_flag & ST_NOEXEC) != 0) {
    Fail(kNotLaunched, Quoted(base) + " is mounted noexec, so no program can be executed there: " + kAdvice);
  }
  if (mkdtemp(directory.path.data()) == nullptr) {
    FailErrno(kNotLaunched, "making a private directory in " + Quoted(base), errno, kAdvice);
  }
  directory.fd = UniqueFd(open(directory.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // 0711: a program that gives up its uid may still execute itself. The copy's own mode decides which other users may.
  // The keeper inherits the lock with the descriptor. Until then this process' pid protects the directory from other
  // launchers. No well-meaning process holds the lock yet.
  if (!directory.fd || flock(directory.fd.get(), LOCK_EX | LOCK_NB) != 0 || fchmod(directory.fd.get(), 0711) != 0) {
    const int error = errno;
    rmdir(directory.path.c_str());
    FailErrno(kNotLaunched, "opening the private directory " + Quoted(directory.path), error, kAdvice);
  }
  return directory;
}

void RemoveDirectory(const std::string& path, int fd) {
  const UniqueDir entries = ListOf(UniqueFd(dup(fd)));
  if (!entries) return;
  rewinddir(entries.get());
  while (const dirent* entry = readdir(entries.get())) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlinkat(fd, entry->d_name, 0);
  }
  rmdir(path.c_str());
}

void RemoveStaleDirectories() {
  const std::string base = Base();
  const UniqueDir entries(opendir(base.c_str()));
  if (!entries) return;
  while (const dirent* entry = readdir(entries.get())) {
    if (strncmp(entry->d_name, "tracegate-", 10) != 0) continue;
    const std::string path = base + "/" + entry->d_name;
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status;
    if (!fd || fstat(fd.get(), &status) != 0 || status.st_uid != geteuid()) continue;
    // A keeper that still lives holds the lock, and cleans up itself.
    if (IsStale(entry->d_name, status) && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      RemoveDirectory(path, fd.get());
    }
  }
}

}  // namespace tracegate
