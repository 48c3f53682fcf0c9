#include "launch/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "syscall/result.h"
#include "syscall/unique_fd.h"
#include "syscall/unique_mapping.h"

namespace tracegate {
namespace {

constexpr size_t kPiece = 1 << 20;

// Copies by write(2) from the page cache: copy_file_range(2) refuses two different file systems (fs/read_write.c).
int CopyBytes(int source, int target, size_t size) {
  const UniqueMapping mapped(source, size);
  if (!mapped) return -errno;
  madvise(mapped.get(), size, MADV_SEQUENTIAL);
  for (size_t at = 0; at < size;) {
    const char* from = static_cast<const char*>(mapped.get()) + at;
    const ssize_t written = RetryEintr([&] { return write(target, from, std::min(kPiece, size - at)); });
    if (written < 0) return -errno;
    at += static_cast<size_t>(written);
  }
  return 0;
}

int Fill(int source, const struct stat& original, int target) {
  if (ioctl(target, FICLONE, source) != 0) {
    // A write beyond RLIMIT_FSIZE sends SIGXFSZ, which kills the process. If the signal is ignored, the write fails
    // with EFBIG.
    struct sigaction ignore = {}, before;
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &ignore, &before);
    const int result = CopyBytes(source, target, static_cast<size_t>(original.st_size));
    sigaction(SIGXFSZ, &before, nullptr);
    if (result < 0) return result;
  }
  // The caller owns the copy, so the owner must be allowed to execute it.
  return fchmod(target, (original.st_mode & 0111) | 0100) == 0 ? 0 : -errno;
}

std::string FdPath(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

int CopyUnreadable(int source, const struct stat& original, int directory, const std::string& name) {
  // While the copy has no name, no other process reaches it. File systems without O_TMPFILE (NFS, old overlays) get the
  // copy with a name.
  UniqueFd target(openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0));
  if (target) {
    if (const int result = Fill(source, original, target.get()); result < 0) return result;
    const std::string unnamed = FdPath(target.get());
    return ToResult(linkat(AT_FDCWD, unnamed.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW));
  }
  target = UniqueFd(openat(directory, name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0));
  if (!target) return -errno;
  const int result = Fill(source, original, target.get());
  if (result < 0) unlinkat(directory, name.c_str(), 0);
  return result;
}

}  // namespace tracegate
