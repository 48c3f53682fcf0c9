#include "launch/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/capabilities.h"
#include "launch/copy.h"
#include "launch/failure.h"
#include "launch/refusals.h"
#include "launch/sealed.h"
#include "launch/user_namespace.h"
#include "syscall/result.h"
#include "syscall/silent_fork.h"
#include "syscall/syscall_numbers.h"

namespace tracegate {
namespace {

// include/uapi/linux/mount.h, which an older C library's headers lack: FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC,
// FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV.
constexpr unsigned kOpenCloexec = 1, kMountCloexec = 1, kSetString = 1, kCreate = 6, kNoSuid = 2, kNoDev = 4;

// /proc/self/exe shows the path within the mount (fs/d_path.c). Here that path is /proc/self/exe again. So a program
// that executes itself by the path it has read executes the copy: Node's child_process.fork() does so.
constexpr char kCopy[] = "proc/self/exe", kCopyDirectory[] = "proc/self", kCopyName[] = "exe";

// The kernel names the process after the link that it executes: fs/exec.c, begin_new_exec().
constexpr char kLinks[] = "named", kCopyFromLinks[] = "../proc/self/exe";

// 0711: a program that gives up its uid may still execute itself.
int MountNowhere() {
  UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", kOpenCloexec)));
  if (!context || syscall(SYS_fsconfig, context.get(), kSetString, "mode", "0711", 0) != 0 ||
      syscall(SYS_fsconfig, context.get(), kCreate, nullptr, nullptr, 0) != 0) {
    return -errno;
  }
  return ToResult(syscall(SYS_fsmount, context.get(), kMountCloexec, kNoSuid | kNoDev));
}

// Runs in a child that shares the descriptors, and puts the root of the mount in the place of `root`. Returns 0 or
// -errno.
int MountIn(int user_namespace, int root) {
  if (setns(user_namespace, CLONE_NEWUSER) != 0 || unshare(CLONE_NEWNS) != 0) return -errno;
  // The user namespace belongs to this uid, so commit_creds() leaves the process as closed as it was (kernel/cred.c,
  // cred_cap_issubset()). This line ensures the same on a kernel that does otherwise.
  if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0) return -errno;
  const UniqueFd mount(MountNowhere());
  return mount ? ToResult(dup3(mount.get(), root, O_CLOEXEC)) : -errno;
}

UniqueFd MakeDetachedTmpfs() {
  const UniqueFd user_namespace = MakeUserNamespace();
  UniqueFd root(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!root) FailErrno(kNotLaunched, "opening /dev/null", errno);
  const pid_t child = ForkSilently(CLONE_FILES);
  if (child < 0) FailErrno(kNotLaunched, "forking to make a detached mount", errno);
  if (child == 0) {
    const int result = MountIn(user_namespace.get(), root.get());
    _exit(result < 0 ? -result : 0);
  }
  int status = 0;
  RetryEintr([&] { return waitpid(child, &status, __WALL); });
  if (!WIFEXITED(status)) Fail(kNotLaunched, "the process that makes the detached mount was killed: start it again");
  if (const int error = WEXITSTATUS(status); error != 0) {
    FailErrno(kNotLaunched, "making a detached mount (fsmount, Linux 5.2)", error, kNoUserNamespace);
  }
  return root;
}

// Makes a link of this name to the copy, and returns the directory of the link.
UniqueFd Link(const UniqueFd& root, const std::string& name) {
  UniqueFd links;
  if (mkdirat(root.get(), "proc", 0711) == 0 && mkdirat(root.get(), kCopyDirectory, 0711) == 0 &&
      mkdirat(root.get(), kLinks, 0711) == 0) {
    links = UniqueFd(openat(root.get(), kLinks, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  if (!links || symlinkat(kCopyFromLinks, links.get(), name.c_str()) != 0) {
    FailErrno(kNotLaunched, "making the detached copy of " + Quoted(name), errno, "use --deny=sealed");
  }
  return links;
}

// would_dump() makes the same check: fs/namei.c, inode_permission(MAY_READ) by the caller of execve.
void AssertUnreadable(const UniqueFd& root) {
  const UniqueFd readable(openat(root.get(), kCopy, O_RDONLY | O_CLOEXEC));
  if (!readable && errno == EACCES) return;
  Fail(kNotLaunched, "the detached copy stays readable, so it would not be closed: use --deny=preload");
}

}  // namespace

void ExecDetached(const Program& program, char** arguments) {
  if (!program.file) ExecSealed(program, arguments);
  struct stat original;
  RefuseToCopy(program, &original);

  const UniqueFd root = MakeDetachedTmpfs();
  const std::string name = program.path.substr(program.path.rfind('/') + 1);
  const UniqueFd links = Link(root, name);
  const UniqueFd directory(openat(root.get(), kCopyDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (const int result = CopyUnreadable(program.file.get(), original, directory.get(), kCopyName);
      result < 0) {
    FailErrno(kNotLaunched, "copying " + Quoted(program.path) + " to memory", -result,
              "free memory, or use --deny=sealed");
  }
  const WithoutCapabilities reading(kReadAnything);
  AssertUnreadable(root);
  syscall(SYS_execveat, links.get(), name.c_str(), Arguments(program).data(), environ, 0);
  FailErrno(
      kNotExecutable, "executing " + Quoted(program.path), errno,
      errno == EACCES ? "a security module may want a path for what is executed: use --deny=sealed" : "");
}

}  // namespace tracegate
