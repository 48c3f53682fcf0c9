#include "role.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "obey.h"
#include "result.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

namespace actor {

using tracegate::UniqueFd;

namespace {

// fork [PID]: the new process' channel came with the command.
Reply Fork(const std::vector<std::string>& words, int own_channel, UniqueFd given) {
  const pid_t wanted = words.size() > 1 ? atoi(words[1].c_str()) : 0;
  const pid_t child = ForkRole(std::move(given), wanted, [=] { close(own_channel); });
  return child < 0 ? Failed() : Reply{0, std::to_string(child)};
}

// Everybody's channel ends at the same time, so the leaves of the tree go first and nobody is left behind.
[[noreturn]] void End() {
  while (waitpid(-1, nullptr, __WALL) >= 0 || errno == EINTR) continue;
  _exit(0);
}

}  // namespace

pid_t ForkWithPid(pid_t wanted) {
  if (wanted == 0) return fork();
  clone_args arguments = {};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<uint64_t>(&wanted);
  arguments.set_tid_size = 1;
  return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

void PlayRole(UniqueFd channel) {
  std::string line;
  for (UniqueFd passed; Receive(channel.get(), &line, &passed);) {
    const std::vector<std::string> words = Split(line);
    // At once, whoever waits.
    if (words[0] == "exit") _exit(0);
    const Reply reply =
        words[0] == "fork" ? Fork(words, channel.get(), std::move(passed)) : Obey(words, channel.get());
    passed = UniqueFd();
    if (!Send(channel.get(), ToText(reply))) break;
  }
  // Before the wait: a child may be waited for by a tracer that waits for this end of file.
  channel = UniqueFd();
  End();
}

}  // namespace actor
