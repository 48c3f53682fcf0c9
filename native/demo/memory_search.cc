#include "demo/memory_search.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"
#include "syscall/unique_stream.h"

namespace tracegate {
namespace {

constexpr size_t kChunk = 1 << 20;
constexpr size_t kLongestMatch = 256;  // chunks overlap by this much

std::string HexAfter(const std::string& marker, const char* text, size_t length) {
  const char* const end = text + length;
  for (const char* from = text; from < end;) {
    const void* hit = memmem(from, static_cast<size_t>(end - from), marker.data(), marker.size());
    if (hit == nullptr) break;
    const char* first = static_cast<const char*>(hit) + marker.size();
    const char* last = first;
    while (last < end && isxdigit(static_cast<unsigned char>(*last))) ++last;
    if (last - first >= 16) return std::string(first, last);
    from = first;
  }
  return "";
}

std::string ProcPath(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Reads at most `length` bytes at `offset` into `buffer`.
using Reader = std::function<ssize_t(char* buffer, size_t length, uint64_t offset)>;

std::string SearchRange(const Reader& read, uint64_t start, uint64_t end, const std::string& marker) {
  std::vector<char> buffer(kChunk + kLongestMatch);
  for (uint64_t at = start; at < end; at += kChunk) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), end - at);
    const ssize_t got = read(buffer.data(), wanted, at);
    if (got <= 0) continue;
    std::string secret = HexAfter(marker, buffer.data(), static_cast<size_t>(got));
    if (!secret.empty()) return secret;
  }
  return "";
}

// Searches every readable, writable, private mapping. /proc/PID/maps needs PTRACE_MODE_READ only.
Finding SearchMappings(pid_t pid, const Reader& read, const std::string& marker) {
  const UniqueFile maps(fopen(ProcPath(pid, "maps").c_str(), "re"));
  if (!maps) return {"open maps", errno, ""};
  char line[512];
  std::string secret;
  while (secret.empty() && fgets(line, sizeof line, maps.get()) != nullptr) {
    uint64_t start, end;
    char access[5];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, access) == 3 &&
        strcmp(access, "rw-p") == 0) {
      secret = SearchRange(read, start, end, marker);
    }
  }
  return {"", 0, secret};
}

Finding SearchFile(const std::string& path, const std::string& marker) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {"open", errno, ""};
  const off_t size = lseek(fd.get(), 0, SEEK_END);
  // A file of /proc has no size that lseek(2) finds.
  const uint64_t end = size > 0 ? static_cast<uint64_t>(size) : kChunk;
  int error = 0;
  const Reader read = [&](char* buffer, size_t length, uint64_t offset) {
    const ssize_t got = pread(fd.get(), buffer, length, static_cast<off_t>(offset));
    if (got < 0) error = errno;
    return got;
  };
  std::string secret = SearchRange(read, 0, end, marker);
  return {error == 0 ? "" : "read", error, secret};
}

Finding AwaitEnd(int pidfd) {
  pollfd end = {pidfd, POLLIN, 0};
  const int ready = RetryEintr([&] { return poll(&end, 1, 10000); });
  return ready == 1 ? Finding{"", 0, ""} : Finding{"poll", ETIMEDOUT, ""};
}

}  // namespace

Finding SearchByMem(pid_t pid, const std::string& marker) {
  UniqueFd mem(open(ProcPath(pid, "mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (!mem) return {"open mem", errno, ""};
  const Reader read = [&](char* buffer, size_t length, uint64_t offset) {
    return pread(mem.get(), buffer, length, static_cast<off_t>(offset));
  };
  return SearchMappings(pid, read, marker);
}

Finding SearchByProcessVmReadv(pid_t pid, const std::string& marker) {
  const Reader read = [pid](char* buffer, size_t length, uint64_t offset) {
    const iovec local = {buffer, length};
    const iovec remote = {reinterpret_cast<void*>(offset), length};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
  };
  char byte;
  if (read(&byte, 1, 1) < 0 && errno != EFAULT) return {"process_vm_readv", errno, ""};
  return SearchMappings(pid, read, marker);
}

Finding SearchByAttach(pid_t pid, const std::string& marker) {
  if (ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return {"ptrace", errno, ""};
  int status;
  RetryEintr([&] { return waitpid(pid, &status, __WALL); });
  Finding finding = SearchByMem(pid, marker);
  ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return finding;
}

Finding SearchByEnviron(pid_t pid, const std::string& marker) {
  return SearchFile(ProcPath(pid, "environ"), marker);
}

Finding SearchByCoreDump(pid_t pid, const std::string& marker, const std::string& directory) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return {"pidfd_open", errno, ""};
  // prlimit(2) asks for the same uid and gid, and makes no access check: kernel/sys.c, check_prlimit_permission().
  rlimit limit;
  if (prlimit(pid, RLIMIT_CORE, nullptr, &limit) != 0) return {"prlimit", errno, ""};
  limit.rlim_cur = limit.rlim_max;
  if (prlimit(pid, RLIMIT_CORE, &limit, nullptr) != 0) return {"prlimit", errno, ""};
  if (kill(pid, SIGABRT) != 0) return {"kill", errno, ""};
  if (Finding end = AwaitEnd(pidfd.get()); end.error != 0) return end;

  const UniqueDir entries(opendir(directory.c_str()));
  if (!entries) return {"opendir", errno, ""};
  Finding finding = {"no core", ENOENT, ""};
  while (const dirent* entry = readdir(entries.get())) {
    if (strncmp(entry->d_name, "core", 4) == 0) finding = SearchFile(directory + "/" + entry->d_name, marker);
  }
  return finding;
}

}  // namespace tracegate
