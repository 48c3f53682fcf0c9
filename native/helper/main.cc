// tracegate-helper [--commands-on-3] PLACE [UID GID CAPABILITIES]: a process that asks, or is asked about,
// beside Node. The commands come on stdin. A long-lived orphan reads them from descriptor 3, because Node closes
// the stdin of a child that has ended.
//
// PLACE is the relation to the starting process: `child`, `grandchild`, or `orphan`, which has no relatives.
// The helper takes the credentials if they are given (CAPABILITIES is a hexadecimal mask). An orphan with other
// credentials than its parent's is the stranger. The helper reports that it is ready, and then obeys one command
// a line until the input ends. The helper is not set-id, so it can do nothing that the starting process could not.
//
//   ready PID PARENT                         once, when the helper can be asked; or
//   failed SYSCALL ERRNO                     and the helper ends
//   access PID | seize PID | attach PID | traceme
//   readv PID | getfd PID                    by process_vm_readv or pidfd_getfd alone
//   mem PID | environ PID                    opening the file of /proc/PID
//   usr1 PID                                 SIGUSR1
//   dumpable 0|1 | declare PID               of the helper itself; -1 declares any process, 0 none
//   -> ERRNO CALL                         0 is a yes; CALL as in syscall/result.h, PackAnsweringCall()
//
// To trace a child of Node's, a process other than Node must be the tracer: a traced child's stops are
// reported to the tracer's process, and libuv would take such a stop for the child's end.

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "helper/credentials.h"
#include "helper/orphan.h"
#include "probe/access_probe.h"
#include "probe/attach_probe.h"
#include "probe/stopping_attach.h"
#include "syscall/prctl.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

constexpr std::chrono::milliseconds kSeizeLimit(1000);

// PTRACE_TRACEME names no tracer: the parent becomes the tracer. So a child with these credentials asks. The child then
// exits without a stop, because no process signals it.
Answer ProbeTraceme() {
  if (const auto closed = PtraceGate()) return *closed;
  const pid_t tracee = fork();
  if (tracee < 0) return {errno, AnsweringCall::kNone};
  if (tracee == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : errno);
  int status = 0;
  if (RetryEintr([&] { return waitpid(tracee, &status, 0); }) != tracee) return {errno, AnsweringCall::kNone};
  if (!WIFEXITED(status)) return {EINTR, AnsweringCall::kNone};
  const int error = WEXITSTATUS(status);
  return {error, error == 0 || IsPtraceHeard(getppid()) ? AnsweringCall::kPtrace : AnsweringCall::kNone};
}

int OpenProcFile(pid_t pid, const char* name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) ? 0 : errno;
}

Answer Obey(const char* line) {
  char command[16], junk[2];
  int pid = 0;
  const int words = sscanf(line, "%15s %d %1s", command, &pid, junk);
  if (words == 1 && strcmp(command, "traceme") == 0) return ProbeTraceme();
  const auto number = static_cast<unsigned long>(pid);
  if (words == 2 && strcmp(command, "dumpable") == 0) return {-SetDumpable(number), AnsweringCall::kNone};
  if (words == 2 && strcmp(command, "declare") == 0) return {-SetPtracer(number), AnsweringCall::kNone};
  if (words == 2 && pid > 0 && strcmp(command, "readv") == 0) return ProbeCall(pid, Call::kProcessVmReadv);
  if (words == 2 && pid > 0 && strcmp(command, "getfd") == 0) return ProbeCall(pid, Call::kPidfdGetfd);
  if (words == 2 && pid > 0 && (strcmp(command, "mem") == 0 || strcmp(command, "environ") == 0))
    return {OpenProcFile(pid, command), AnsweringCall::kNone};
  if (words == 2 && pid > 0 && strcmp(command, "usr1") == 0)
    return {kill(pid, SIGUSR1) == 0 ? 0 : errno, AnsweringCall::kNone};
  if (words == 2 && pid > 0) {
    const Answer check = ProbeAttach(pid);
    // A refusal is final. A second question would write a second line to Yama's log.
    if (strcmp(command, "access") == 0 || IsRefusal(check)) return check;
    if (strcmp(command, "seize") == 0) return ProbeSeize(pid, kSeizeLimit);
    if (strcmp(command, "attach") == 0) return ProbeStoppingAttach(pid);
  }
  return {EINVAL, AnsweringCall::kNone};
}

bool ParseCredentials(char** words, Credentials* credentials) {
  char* end[3];
  const unsigned long uid = strtoul(words[0], &end[0], 10);
  const unsigned long gid = strtoul(words[1], &end[1], 10);
  credentials->uid = static_cast<uid_t>(uid);
  credentials->gid = static_cast<gid_t>(gid);
  credentials->capabilities = strtoull(words[2], &end[2], 16);
  // The largest id means "unchanged" to setresuid.
  return *end[0] == 0 && *end[1] == 0 && *end[2] == 0 && uid < UINT32_MAX && gid < UINT32_MAX;
}

// The process between the grandchild and its starter waits for the grandchild's end, and keeps neither its input nor
// its output open. Returns 0 or -errno.
int BecomeGrandchild() {
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) return 0;
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  RetryEintr([&] { return waitpid(child, nullptr, 0); });
  _exit(0);
}

int TakePlace(const char* place) {
  if (strcmp(place, "orphan") == 0) return BecomeOrphan();
  return strcmp(place, "grandchild") == 0 ? BecomeGrandchild() : 0;
}

bool IsPlace(const char* word) {
  return strcmp(word, "child") == 0 || strcmp(word, "grandchild") == 0 || strcmp(word, "orphan") == 0;
}

int Main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--commands-on-3") == 0) {
    if (dup2(3, STDIN_FILENO) < 0 || close(3) != 0) return 2;
    --argc, ++argv;
  }
  Credentials credentials;
  const bool takes_credentials = argc == 5;
  if ((argc != 2 && !takes_credentials) || !IsPlace(argv[1]) ||
      (takes_credentials && !ParseCredentials(argv + 2, &credentials))) {
    fprintf(stderr, "usage: tracegate-helper [--commands-on-3] child|grandchild|orphan [UID GID CAPABILITIES]\n");
    return 2;
  }
  signal(SIGCHLD, SIG_DFL);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (const int error = TakePlace(argv[1]); error < 0) {
    printf("failed fork %d\n", -error);
    return 3;
  }
  if (takes_credentials) {
    if (const auto [error, system_call] = Become(credentials); error != 0) {
      printf("failed %s %d\n", system_call, error);
      return 3;
    }
  }
  printf("ready %d %d\n", getpid(), getppid());
  char line[64];
  while (fgets(line, sizeof line, stdin) != nullptr) {
    const Answer answer = Obey(line);
    printf("%d %d\n", answer.error, PackAnsweringCall(answer));
  }
  return 0;
}

}  // namespace
}  // namespace tracegate

int main(int argc, char** argv) {
  return tracegate::Main(argc, argv);
}
