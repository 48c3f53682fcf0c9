#include "launch/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/failure.h"
#include "launch/sealed.h"
#include "syscall/close_from.h"
#include "syscall/result.h"
#include "syscall/silent_fork.h"
#include "syscall/syscall_numbers.h"

namespace tracegate {
namespace {

// Renames the keeper for `ps`. Otherwise the keeper would show the words of the command, and pkill -f would find both.
void Rename(char** arguments) {
  char* const first = arguments[0];
  char* end = first;
  for (char** word = arguments; *word != nullptr; ++word) end = *word + strlen(*word);
  const size_t size = static_cast<size_t>(end - first);
  memset(first, 0, size);
  strncpy(first, "tracegate-keeper", size);
  prctl(PR_SET_NAME, "tracegate-keep", 0UL, 0UL, 0UL);
}

// Moves the needed descriptors to 3, 4 and 5, and closes all others but standard error, which messages may need.
void KeepOnly(int* directory, int* command, int* exec_pipe) {
  int* const kept[] = {directory, command, exec_pipe};
  for (int* fd : kept) *fd = fcntl(*fd, F_DUPFD_CLOEXEC, 10);
  int next = 3;
  for (int* fd : kept) *fd = dup3(*fd, next++, O_CLOEXEC);
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  CloseFrom(next);
}

void IgnoreSignals() {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  // The end of the session, or a service manager's SIGTERM for all processes, must not come before the cleaning up.
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP}) {
    sigaction(signal, &ignore, nullptr);
  }
}

[[noreturn]] void Keep(const PrivateDirectory& directory, int command, int exec_pipe) {
  int fd = directory.fd.get();
  KeepOnly(&fd, &command, &exec_pipe);
  Untouched before;
  // Both reads return when the launcher executes the program or ends.
  const bool executes = RetryEintr([&] { return read(exec_pipe, &before, sizeof before); }) == sizeof before;
  char byte;
  RetryEintr([&] { return read(exec_pipe, &byte, 1); });
  if (executes && !IsUntouched(before, directory)) {
    syscall(SYS_pidfd_send_signal, command, SIGKILL, nullptr, 0);
    RemoveDirectory(directory.path, fd);
    Fail(kNotLaunched, "somebody changed " + Quoted(directory.path) +
                           " while the program was started, so it was ended: a process of your uid attacks "
                           "it; use a program that root made unreadable");
  }
  close(STDERR_FILENO);
  pollfd end = {command, POLLIN, 0};
  RetryEintr([&] { return poll(&end, 1, -1); });
  RemoveDirectory(directory.path, fd);
  _exit(0);
}

[[noreturn]] void FailWithout(const PrivateDirectory& directory, const char* what) {
  const int error = errno;
  RemoveDirectory(directory.path, directory.fd.get());
  FailErrno(kNotLaunched, what, error, "the private copy would be left behind; use --deny=preload");
}

}  // namespace

UniqueFd StartKeeper(const PrivateDirectory& directory, char** arguments) {
  int ends[2];
  UniqueFd command(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!command) FailWithout(directory, "watching for the program's end (pidfd_open, Linux 5.3)");
  if (pipe2(ends, O_CLOEXEC) != 0) FailWithout(directory, "making a pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);

  const pid_t between = ForkSilently();
  if (between < 0) FailWithout(directory, "forking the keeper of the private copy");
  if (between == 0) {
    setsid();
    const pid_t keeper = ForkSilently();
    if (keeper != 0) _exit(keeper < 0 ? errno : 0);
    write_end = UniqueFd();
    IgnoreSignals();
    Rename(arguments);
    if (chdir("/") != 0) _exit(1);
    Keep(directory, command.get(), read_end.get());
  }
  int status = 0;
  RetryEintr([&] { return waitpid(between, &status, __WALL); });
  if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
    errno = WEXITSTATUS(status);
    FailWithout(directory, "forking the keeper of the private copy");
  }
  return write_end;
}

}  // namespace tracegate
