#include "launch/preloaded.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "launch/failure.h"
#include "launch/refusals.h"

namespace tracegate {
namespace {

// Returns the path of the library, which lies beside this program.
std::string Library() {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0) FailErrno(kNotLaunched, "/proc/self/exe", errno, "--deny=preload needs /proc mounted");
  const std::string path(self, static_cast<size_t>(length));
  return path.substr(0, path.rfind('/') + 1) + "tracegate-preload.so";
}

}  // namespace

void ExecPreloaded(const Program& program, char** command) {
  const std::string library = Library();
  RefuseToPreload(program, library);
  const char* others = getenv("LD_PRELOAD");
  const std::string all = others == nullptr || *others == 0 ? library : library + ":" + others;
  if (setenv("LD_PRELOAD", all.c_str(), 1) != 0) FailErrno(kNotLaunched, "setting LD_PRELOAD", errno);
  // This executes the command itself, not the interpreter that a script was resolved to: the kernel starts the
  // interpreter with this environment.
  const std::string path = FindProgram(command[0]);
  execve(path.c_str(), command, environ);
  FailErrno(kNotExecutable, "executing " + Quoted(path), errno);
}

}  // namespace tracegate
