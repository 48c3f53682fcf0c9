// tracegate-helper UID GID CAPABILITIES: the stranger. It takes these credentials (CAPABILITIES is a
// hexadecimal mask) and becomes nobody's relative. tracegate-helper kin: stays what it is, a child with its
// parent's credentials.
//
// It says that it is ready and then answers one command a line until its input ends. It does nothing else,
// and nothing that whoever starts it could not do: it is not set-id.
//
//   ready PID PARENT                         once, when it can be asked; or
//   failed SYSCALL ERRNO                     and it ends
//   access PID | seize PID | attach PID | traceme
//   -> ERRNO WITNESS                         0 is a yes; WITNESS as in result.h
//
// To trace a child of Node's, a process other than Node must be the tracer: a traced child's stops are
// reported to the tracer's process, and libuv would take one for the child's end.

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access_probe.h"
#include "attach_probe.h"
#include "credentials.h"
#include "orphan.h"
#include "stopping_attach.h"

namespace tracegate {
namespace {

constexpr std::chrono::milliseconds kSeizeLimit(1000);

// PTRACE_TRACEME names no tracer: the parent becomes it, so a child of these credentials asks. It then exits
// without a stop, since nothing signals it.
Answer ProbeTraceme() {
  const pid_t tracee = fork();
  if (tracee < 0) return {errno, Witness::kNone};
  if (tracee == 0) _exit(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : errno);
  int status = 0;
  if (RetryEintr([&] { return waitpid(tracee, &status, 0); }) != tracee) return {errno, Witness::kNone};
  if (!WIFEXITED(status)) return {EINTR, Witness::kNone};
  const int error = WEXITSTATUS(status);
  return {error, error == 0 || IsPtraceHeard(getppid()) ? Witness::kPtrace : Witness::kNone};
}

Answer Obey(const char* line) {
  char command[16], junk[2];
  int pid = 0;
  const int words = sscanf(line, "%15s %d %1s", command, &pid, junk);
  if (words == 1 && strcmp(command, "traceme") == 0) return ProbeTraceme();
  if (words == 2 && pid > 0) {
    const Answer check = ProbeAccess(pid);
    // A refusal is final, and asking twice would be two lines in Yama's log.
    if (strcmp(command, "access") == 0 || IsRefusal(check)) return check;
    if (strcmp(command, "seize") == 0) return ProbeSeize(pid, kSeizeLimit);
    if (strcmp(command, "attach") == 0) return ProbeStoppingAttach(pid);
  }
  return {EINVAL, Witness::kNone};
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

// Prints why not, where it can't.
bool BecomeStranger(const Credentials& credentials) {
  if (const int error = BecomeOrphan(); error < 0) {
    printf("failed fork %d\n", -error);
    return false;
  }
  if (const auto [error, system_call] = Become(credentials); error != 0) {
    printf("failed %s %d\n", system_call, error);
    return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  Credentials credentials;
  const bool is_kin = argc == 2 && strcmp(argv[1], "kin") == 0;
  if (!is_kin && (argc != 4 || !ParseCredentials(argv + 1, &credentials))) {
    fprintf(stderr, "usage: tracegate-helper kin | UID GID CAPABILITIES\n");
    return 2;
  }
  signal(SIGCHLD, SIG_DFL);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (!is_kin && !BecomeStranger(credentials)) return 3;
  printf("ready %d %d\n", getpid(), getppid());
  char line[64];
  while (fgets(line, sizeof line, stdin) != nullptr) {
    const Answer answer = Obey(line);
    printf("%d %d\n", answer.error, static_cast<int>(answer.witness));
  }
  return 0;
}

}  // namespace
}  // namespace tracegate

int main(int argc, char** argv) {
  return tracegate::Main(argc, argv);
}
