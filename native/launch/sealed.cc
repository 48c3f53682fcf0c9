#include "launch/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "launch/capabilities.h"
#include "launch/copy.h"
#include "launch/failure.h"
#include "launch/refusals.h"
#include "syscall/result.h"

namespace tracegate {
namespace {

bool IsLater(const timespec& time, const timespec& than) {
  return time.tv_sec != than.tv_sec ? time.tv_sec > than.tv_sec : time.tv_nsec > than.tv_nsec;
}

bool IsSame(const struct stat& before, const struct stat& now) {
  return before.st_dev == now.st_dev && before.st_ino == now.st_ino && before.st_mode == now.st_mode &&
         before.st_ctim.tv_sec == now.st_ctim.tv_sec && before.st_ctim.tv_nsec == now.st_ctim.tv_nsec;
}

// The name of the copy, which is the only entry of a private directory.
std::string NameOf(const Program& program) {
  return program.path.substr(program.path.rfind('/') + 1);
}

timespec LastTick() {
  timespec time;
  clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return time;
}

// Returns whether a change after a look always gets a later ctime. Most file systems of disks and memory do so since
// Linux 6.13 (fs/inode.c, inode_set_ctime_current). The function tries it: a stamp that is later than the last tick
// does not come from a tick.
bool HasFineStamps(const std::string& copy) {
  struct stat looked;
  struct stat changed;
  return lstat(copy.c_str(), &looked) == 0 && chmod(copy.c_str(), looked.st_mode & 07777) == 0 &&
         lstat(copy.c_str(), &changed) == 0 && IsLater(changed.st_ctim, LastTick());
}

// Waits before the exec, so that an attacker who is about to change the copy does so now. Then the change shows, and no
// secret is lost yet. A millisecond is enough for most attackers.
//
// Without fine stamps the function also waits for the next tick of the clock that stamps files. A second change within
// a tick would leave the same ctime and stay unnoticed. The number of waits is bounded, because the clock may be a file
// server's.
void AwaitTouch(const Untouched& before, bool has_fine_stamps) {
  const timespec at_least = {0, 1000 * 1000};
  for (int i = 0; i < 20; ++i) {
    nanosleep(&at_least, nullptr);
    const timespec now = LastTick();
    const bool ticked = IsLater(now, before.program.st_ctim) && IsLater(now, before.directory.st_ctim);
    if (has_fine_stamps || ticked) return;
  }
}

Untouched Look(const PrivateDirectory& directory, const std::string& name) {
  Untouched seen = {};
  name.copy(seen.name, NAME_MAX);
  const std::string copy = directory.path + "/" + name;
  if (fstat(directory.fd.get(), &seen.directory) != 0 || lstat(copy.c_str(), &seen.program) != 0) {
    FailErrno(kNotLaunched, "the private copy " + Quoted(copy), errno, "somebody removed it; start it again");
  }
  return seen;
}

// would_dump() makes the same check: fs/namei.c, inode_permission(MAY_READ) by the caller of execve.
void AssertUnreadable(const std::string& copy) {
  UniqueFd readable(open(copy.c_str(), O_RDONLY | O_CLOEXEC));
  if (!readable && errno == EACCES) return;
  Fail(kNotLaunched, "the private copy " + Quoted(copy) + " stays readable, so it would not be closed: "
                     "set TMPDIR to a file system that keeps permissions, or use --deny=preload");
}

[[noreturn]] void Exec(const std::string& path, const Program& program) {
  execve(path.c_str(), Arguments(program).data(), environ);
  FailErrno(kNotExecutable, "executing " + Quoted(program.path), errno);
}

}  // namespace

bool IsUntouched(const Untouched& before, const PrivateDirectory& directory) {
  struct stat now;
  // lstat(2) takes the path, as exec did: the path may lead to another directory by now.
  if (lstat(directory.path.c_str(), &now) != 0 || !IsSame(before.directory, now)) return false;
  const std::string copy = directory.path + "/" + before.name;
  return lstat(copy.c_str(), &now) == 0 && IsSame(before.program, now);
}

void ExecSealed(const Program& program, char** arguments) {
  // The program is already unreadable for this process, because root installed it so. There is nothing to copy, and no
  // process of this uid can change the program.
  if (!program.file) Exec(program.path, program);
  struct stat original;
  RefuseToCopy(program, &original);

  RemoveStaleDirectories();
  const PrivateDirectory directory = MakePrivateDirectory();
  UniqueFd keeper = StartKeeper(directory, arguments);
  const std::string copy = directory.path + "/" + NameOf(program);
  const int result = CopyUnreadable(program.file.get(), original, directory.fd.get(), NameOf(program));
  if (result < 0) {
    FailErrno(kNotLaunched, "copying " + Quoted(program.path) + " to " + Quoted(directory.path), -result,
              "set TMPDIR to a directory with room for it, or use --deny=preload");
  }
  const bool has_fine_stamps = HasFineStamps(copy);
  const Untouched before = Look(directory, NameOf(program));
  AwaitTouch(before, has_fine_stamps);
  const WithoutCapabilities reading(kReadAnything);
  AssertUnreadable(copy);
  if (write(keeper.get(), &before, sizeof before) != sizeof before) {
    Fail(kNotLaunched, "the keeper of the private copy is gone: somebody ended it; start it again");
  }
  Exec(copy, program);
}

}  // namespace tracegate
