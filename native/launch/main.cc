// tracegate-launch: becomes a command that is closed to tracing (--deny), can trace nothing outside of its own tree
// (--confine), has declared its tracer (--ptracer) or leaves no core (--core off). docs/launch.md, docs/confine.md
//
// The order matters. The launcher closes itself first. From then on no new process attaches or opens a file of
// /proc/PID, and access that was opened before ends with the exec. A tracer stays attached over the exec, so the
// launcher looks for a tracer next.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "launch/confine.h"
#include "launch/detached.h"
#include "launch/failure.h"
#include "launch/hold.h"
#include "launch/limits.h"
#include "launch/options.h"
#include "launch/preloaded.h"
#include "launch/program.h"
#include "launch/refusals.h"
#include "launch/sealed.h"
#include "launch/socket_keeper.h"
#include "syscall/prctl.h"
#include "syscall/result.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// If 0, 1 or 2 is closed, a file of the launcher would take that number and receive standard error. exec closes the
// placeholders, so the command finds the descriptors that the caller left.
void HoldStandardNumbers() {
  for (;;) {
    UniqueFd placeholder(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!placeholder || placeholder.get() > STDERR_FILENO) return;
    placeholder.release();
  }
}

[[noreturn]] void Main(char** arguments) {
  // The flag survives an exec only if the new program is unreadable: fs/exec.c, begin_new_exec().
  SetDumpable(0);
  HoldStandardNumbers();
  const LaunchOptions options = ParseLaunchOptions(arguments + 1);
  if (options.kept_socket != nullptr) KeepSocket(options.kept_socket, options.hold_fd);
  if (options.deny != Deny::kNo) RefuseIfTraced();
  if (options.deny == Deny::kSealed || options.deny == Deny::kDetached) RefuseIfUnreadableIsDumpable();
  if (options.core_off) TurnCoreOff();
  // If the parent has ended before this call, the end of --hold-fd still ends this process.
  if (options.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (options.declares_tracer) DeclareTracer(options.tracer);
  // Otherwise the library of an outer `--ptracer tree` would replace the declaration.
  if (options.declares_tracer) unsetenv(kTracerVariable);
  if (options.confine != Confine::kNo) ConfineSelf(options.confine, options.report_fd);
  if (options.hold_fd >= 0 && options.deny != Deny::kNo) {
    Fail(kUsage, "--hold-fd holds a debugger, which --deny would not close: choose one");
  }
  if (options.deny == Deny::kSealed) ExecSealed(ResolveProgram(options.command), arguments);
  if (options.deny == Deny::kDetached) ExecDetached(ResolveProgram(options.command), arguments);
  if (options.deny == Deny::kPreload) ExecPreloaded(ResolveProgram(options.command), options.command);
  if (options.declares_tree) ExecTree(ResolveProgram(options.command), options.command, options.tracer);
  const std::string path = FindProgram(options.command[0]);
  if (options.hold_fd >= 0) HoldUntilOrdered(options.hold_fd, path, options.command, options.die_with_parent);
  execve(path.c_str(), options.command, environ);
  FailErrno(kNotExecutable, "executing " + Quoted(path), errno,
            errno == ENOEXEC ? "is it a script without #!? name its interpreter" : "");
}

}  // namespace
}  // namespace tracegate

int main(int, char** arguments) {
  tracegate::Main(arguments);
}
