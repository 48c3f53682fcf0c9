// tracegate-attacker UID GID MARKER: the compromised neighbour of `tracegate demo`.
//
// An unrelated process with the victim's own uid and gid and no capabilities. Each command makes the attacker look
// for the secret behind MARKER through one channel, and report the result. Commands come on descriptor 3: Node
// closes a child's standard input when the child exits, and the child that Node knows exits to leave an orphan.
//
//   ready PID PARENT | failed SYSCALL ERRNO
//   attach PID | process_vm_readv PID | mem PID | environ PID | core PID DIRECTORY
//   -> ERRNO SYSCALL SECRET       "-" for an empty word

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo/memory_search.h"
#include "helper/credentials.h"
#include "helper/orphan.h"

namespace tracegate {
namespace {

Finding Obey(const char* line, const std::string& marker) {
  char command[24];
  char directory[4096] = "";
  int pid = 0;
  if (sscanf(line, "%23s %d %4095[^\n]", command, &pid, directory) < 2 || pid <= 0)
    return {"usage", EINVAL, ""};
  if (strcmp(command, "attach") == 0) return SearchByAttach(pid, marker);
  if (strcmp(command, "process_vm_readv") == 0) return SearchByProcessVmReadv(pid, marker);
  if (strcmp(command, "mem") == 0) return SearchByMem(pid, marker);
  if (strcmp(command, "environ") == 0) return SearchByEnviron(pid, marker);
  if (strcmp(command, "core") == 0) return SearchByCoreDump(pid, marker, directory);
  return {"usage", EINVAL, ""};
}

const char* OrDash(const char* text) {
  return *text == 0 ? "-" : text;
}

int Main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: tracegate-attacker UID GID MARKER\n");
    return 2;
  }
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (const int error = BecomeOrphan(); error < 0) {
    printf("failed fork %d\n", -error);
    return 3;
  }
  const Credentials credentials = {static_cast<uid_t>(strtoul(argv[1], nullptr, 10)),
                                   static_cast<gid_t>(strtoul(argv[2], nullptr, 10)), 0};
  if (const auto [error, system_call] = Become(credentials); error != 0) {
    printf("failed %s %d\n", system_call, error);
    return 3;
  }
  printf("ready %d %d\n", getpid(), getppid());
  FILE* commands = fdopen(3, "r");
  char line[4200];
  while (commands != nullptr && fgets(line, sizeof line, commands) != nullptr) {
    const Finding finding = Obey(line, argv[3]);
    // Tabs separate the words, because "open mem" is one word.
    printf("%d\t%s\t%s\n", finding.error, OrDash(finding.system_call), OrDash(finding.secret.c_str()));
  }
  return 0;
}

}  // namespace
}  // namespace tracegate

int main(int argc, char** argv) {
  return tracegate::Main(argc, argv);
}
