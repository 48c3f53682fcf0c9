#include "role.h"

#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "channel.h"
#include "obey.h"
#include "syscall/result.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

namespace actor {

using tracegate::UniqueFd;

namespace {

using Threads = std::vector<std::thread>;

void CloseRange(int first, int last) {
  if (first <= last) syscall(SYS_close_range, first, last, 0);
}

// A new process has copies of every thread's channel. With open copies, no process would notice the end of that thread.
void CloseAllBut(int kept) {
  if (kept != STDIN_FILENO) close(STDIN_FILENO);
  CloseRange(STDERR_FILENO + 1, kept - 1);
  CloseRange(std::max(kept, STDERR_FILENO) + 1, INT_MAX);
}

// fork [PID]: the new process' channel came with the command.
Reply Fork(const std::vector<std::string>& words, UniqueFd given) {
  const pid_t wanted = words.size() > 1 ? atoi(words[1].c_str()) : 0;
  const int kept = given.get();
  const pid_t child = ForkRole(std::move(given), wanted, [=] { CloseAllBut(kept); });
  return child < 0 ? Failed() : Reply{0, std::to_string(child)};
}

void Play(UniqueFd* channel, Threads* threads);

// begin-thread: a thread that plays a role of its own. Its tracees end with it.
Reply BeginThread(UniqueFd given, Threads* threads) {
  if (threads == nullptr) return {ENOSYS, "no-leader"};
  std::promise<pid_t> promise;
  std::future<pid_t> tid = promise.get_future();
  threads->emplace_back([promise = std::move(promise), channel = std::move(given)]() mutable {
    promise.set_value(gettid());
    Play(&channel, nullptr);
  });
  return {0, std::to_string(tid.get())};
}

// Hears and obeys until the channel's end. `threads` is where a leader keeps its own.
void Play(UniqueFd* channel, Threads* threads) {
  std::string line;
  for (UniqueFd passed; Receive(channel->get(), &line, &passed);) {
    const std::vector<std::string> words = Split(line);
    // Ends at once, even if another process waits.
    if (words[0] == "exit") _exit(0);
    if (words[0] == "leave") {
      *channel = UniqueFd();
      syscall(SYS_exit, 0);
    }
    Reply reply;
    if (words[0] == "fork") {
      reply = Fork(words, std::move(passed));
    } else if (words[0] == "begin-thread") {
      reply = BeginThread(std::move(passed), threads);
    } else {
      reply = Obey(words, channel->get());
    }
    passed = UniqueFd();
    if (!Send(channel->get(), ToText(reply))) break;
  }
  // Before any wait: a child may be waited for by a tracer that waits for this end of file.
  *channel = UniqueFd();
}

// Everybody's channel ends at the same time, so the leaves of the tree end first, and no process is left behind. A
// process with threads must not sleep here: a thread that has been joined may still be a tracer, and its end wakes no
// process.
[[noreturn]] void End(bool had_threads) {
  const int options = __WALL | (had_threads ? WNOHANG : 0);
  for (pid_t ended = 0; ended >= 0 || errno == EINTR;) {
    ended = waitpid(-1, nullptr, options);
    if (ended == 0) sched_yield();
  }
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
  Threads threads;
  Play(&channel, &threads);
  for (auto& thread : threads) thread.join();
  End(!threads.empty());
}

}  // namespace actor
