#include "launch/preloaded.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "launch/failure.h"
#include "launch/refusals.h"
#include "proc/process_directory.h"
#include "proc/single_facts.h"

namespace tracegate {
namespace {

// Returns the path of a library that lies beside this program.
std::string Beside(const std::string& name) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0) {
    FailErrno(kNotLaunched, "/proc/self/exe", errno, "a library is preloaded from beside it: mount /proc");
  }
  const std::string path(self, static_cast<size_t>(length));
  return path.substr(0, path.rfind('/') + 1) + name;
}

[[noreturn]] void ExecWith(const std::string& library, char** command) {
  const char* others = getenv("LD_PRELOAD");
  // The runtime of a sanitizer ends a program in which another library comes before it.
  const std::string all = others == nullptr || *others == 0 ? library : std::string(others) + ":" + library;
  if (setenv("LD_PRELOAD", all.c_str(), 1) != 0) FailErrno(kNotLaunched, "setting LD_PRELOAD", errno);
  // This executes the command itself, not the interpreter that a script was resolved to: the kernel starts the
  // interpreter with this environment.
  const std::string path = FindProgram(command[0]);
  execve(path.c_str(), command, environ);
  FailErrno(kNotExecutable, "executing " + Quoted(path), errno);
}

// Returns the value of TRACEGATE_PTRACER.
std::string NameOf(unsigned long tracer) {
  if (tracer == PR_SET_PTRACER_ANY) return "any";
  const pid_t pid = static_cast<pid_t>(tracer);
  const int64_t start_time = ReadStartTime(ProcessDirectory(pid));
  FileBuffer link;
  // A /proc of an outer pid namespace has other pids.
  char self[16];
  const ssize_t length = readlink("/proc/self", self, sizeof self);
  const bool is_own = length > 0 && std::string(self, static_cast<size_t>(length)) == std::to_string(getpid());
  if (!is_own || start_time < 0 || ProcessDirectory::OfSelf().ReadLink("ns/pid", &link) != 0) {
    Fail(kNotLaunched, "--ptracer: /proc doesn't show when process " + std::to_string(pid) +
                           " began, so the tree's processes could not tell it from a later one of that pid: "
                           "mount the /proc of this pid namespace");
  }
  return std::string(link.text()) + "-" + std::to_string(pid) + "-" + std::to_string(start_time);
}

}  // namespace

void ExecPreloaded(const Program& program, char** command) {
  const std::string library = Beside("tracegate-preload.so");
  RefuseToPreload(program, library, kToDeny);
  ExecWith(library, command);
}

void ExecTree(const Program& program, char** command, unsigned long tracer) {
  const std::string library = Beside("tracegate-tree.so");
  RefuseToPreload(program, library, kToDeclare);
  if (setenv(kTracerVariable, NameOf(tracer).c_str(), 1) != 0) {
    FailErrno(kNotLaunched, std::string("setting ") + kTracerVariable, errno);
  }
  ExecWith(library, command);
}

}  // namespace tracegate
