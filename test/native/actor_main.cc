// A tree of obedient processes, for tests of tracing. It is the oracle, which asks the kernel by its own system calls.
// In the same process it runs the product's code. Lines on stdin, one answer on stdout for each:
//
//   ROLE COMMAND [ARGUMENT…]   ->  ERRNO [VALUE]
//
// The first process is the role `conductor`. `ROLE fork NEW [PID]` makes a child of ROLE that plays NEW, and
// `ROLE begin-thread NEW` a thread of ROLE's process (not the conductor's) that does; `ROLE exit` ends its process, and
// its children stay, `ROLE leave` its thread alone; `conductor end` ends all. `@ROLE` in an argument is that role's
// pid. The other commands are in obey.cc. When stdin ends, or the conductor dies in any way, all of them end.

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <map>

#include "channel.h"
#include "obey.h"
#include "role.h"

namespace actor {
namespace {

using tracegate::UniqueFd;
using Words = std::vector<std::string>;

struct Role {
  pid_t pid;
  UniqueFd channel;
};

class Conductor {
 public:
  Reply Handle(Words words) {
    if (words.size() < 2) return {ENOSYS, "want-ROLE-COMMAND"};
    for (auto& word : words) {
      if (word[0] == '@' && !ResolvePid(&word)) return {ENOSYS, "no-such-role"};
    }
    const std::string name = words[0];
    words.erase(words.begin());
    const bool is_own = name == "conductor";
    if (!is_own && roles_.count(name) == 0) return {ENOSYS, "no-such-role"};
    const bool makes_role = words[0] == "fork" || (words[0] == "begin-thread" && !is_own);
    if (makes_role && words.size() > 1) return Make(is_own ? -1 : roles_[name].channel.get(), words);
    if (!is_own) return Ask(name, words);
    return words[0] == "end" ? End() : Obey(words, -1);
  }

 private:
  bool ResolvePid(std::string* word) const {
    const std::string name = word->substr(1);
    const auto role = roles_.find(name);
    if (name != "conductor" && role == roles_.end()) return false;
    *word = std::to_string(name == "conductor" ? getpid() : role->second.pid);
    return true;
  }

  Reply Ask(const std::string& name, const Words& words, int passed = -1) {
    std::string line;
    for (const auto& word : words) line += word + " ";
    const int channel = roles_[name].channel.get();
    if (Send(channel, line, passed) && Receive(channel, &line)) {
      const Words answer = Split(line);
      return {atoi(answer[0].c_str()), answer.size() > 1 ? answer[1] : ""};
    }
    // Its pid stays known: it may be a zombie now.
    roles_[name].channel = UniqueFd();
    return words[0] == "exit" || words[0] == "leave" ? Reply{0, ""} : Reply{ECHILD, "died"};
  }

  // The role that forks or begins a thread.
  Reply Make(int maker, const Words& words) {
    auto [ours, theirs] = NewChannel();
    const std::string& name = words[1];
    const std::string pid = words.size() > 2 ? words[2] : "";
    Reply reply;
    if (maker < 0) {
      const pid_t child = ForkRole(std::move(theirs), atoi(pid.c_str()), [this, &inherited = ours] {
        close(STDIN_FILENO);
        inherited = UniqueFd();
        roles_.clear();
      });
      reply = child < 0 ? Failed() : Reply{0, std::to_string(child)};
    } else {
      reply = AskToMake(maker, words[0] + " " + pid, theirs.get());
    }
    if (reply.error == 0) roles_[name] = Role{atoi(reply.value.c_str()), std::move(ours)};
    return reply;
  }

  static Reply AskToMake(int maker, std::string line, int channel) {
    if (!Send(maker, line, channel) || !Receive(maker, &line)) return {ECHILD, "died"};
    const Words answer = Split(line);
    return {atoi(answer[0].c_str()), answer.size() > 1 ? answer[1] : ""};
  }

  // Ends every role and waits for its end of file, so that the next cell begins without processes.
  Reply End() {
    for (auto& [name, role] : roles_) {
      if (role.channel) shutdown(role.channel.get(), SHUT_WR);
    }
    std::string line;
    for (auto& [name, role] : roles_) {
      while (role.channel && Receive(role.channel.get(), &line)) continue;
    }
    roles_.clear();
    while (waitpid(-1, nullptr, __WALL) >= 0 || errno == EINTR) continue;
    return {0, ""};
  }

  std::map<std::string, Role> roles_;
};

// In every process of the tree: a tracee would stop for a SIGCHLD, even for an ignored one, and not see its end of file
// (kernel/signal.c, sig_ignored).
void BlockSigchld() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
}

int Main() {
  BlockSigchld();
  std::ios::sync_with_stdio(false);
  Conductor conductor;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << ToText(conductor.Handle(Split(line))) << '\n';
    // Answers go out together when no command is left in the buffer: waking the reader is dear in a lab kernel.
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
  conductor.Handle({"conductor", "end"});
  return 0;
}

}  // namespace
}  // namespace actor

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--executed") == 0) {
    tracegate::UniqueFd channel(atoi(argv[2]));
    actor::Send(channel.get(), "0");
    actor::PlayRole(std::move(channel));
  }
  return actor::Main();
}
