#include "launch/confine_attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <cstddef>
#include <string>

#include "launch/failure.h"
#include "probe/perf_event.h"
#include "probe/seccomp_gate.h"
#include "syscall/syscall_numbers.h"

namespace tracegate {
namespace {

int ErrnoOf(long returned) {
  return returned < 0 ? errno : 0;
}

// A filter may kill the caller. Returns 0 if the call reaches the kernel.
int ErrnoOfFilter(Call call) {
  const auto [gate, error] = AskGate(call);
  return gate == Gate::kOpen ? 0 : error == 0 ? EPERM : error;
}

// The kernel asks for PTRACE_MODE_READ, which Yama does not look at: kernel/futex/syscalls.c.
int ReadRobustList(pid_t pid) {
  void* head;
  size_t size;
  return ErrnoOf(syscall(SYS_get_robust_list, pid, &head, &size));
}

constexpr char kThere = 1;

// The kernel asks for PTRACE_MODE_ATTACH. The child's memory is a copy of ours, so the address is good in both.
int ReadMemory(pid_t pid) {
  if (const int error = ErrnoOfFilter(Call::kProcessVmReadv); error != 0) return error;
  char here;
  const iovec local = {&here, 1}, remote = {const_cast<char*>(&kThere), 1};
  return ErrnoOf(process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

// With CAP_PERFMON the kernel asks no security module: kernel/fork.c, may_access_mm().
int OpenEnvironment(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/environ";
  const UniqueFd environment(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return environment ? 0 : errno;
}

int Profile(pid_t pid) {
  const int error = ErrnoOfFilter(Call::kPerfEventOpen);
  return error != 0 ? error : AskPerfEventOpen(pid);
}

// Any user of this network namespace can fill the listener's queue, and a client that blocks would wait for a place.
int Connect(int listener) {
  sockaddr_un address = {};
  socklen_t length = sizeof address;
  const UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!client || getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) return errno;
  return ErrnoOf(connect(client.get(), reinterpret_cast<sockaddr*>(&address), length));
}

// A bind without a name takes a free abstract one: unix(7), autobind.
UniqueFd ListenAnywhere() {
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (listener && bind(listener.get(), reinterpret_cast<sockaddr*>(&address), offsetof(sockaddr_un, sun_path)) == 0) {
    listen(listener.get(), 2);
  }
  return listener;
}

constexpr char kPurpose[] = "the victim that --confine is tried on";

struct Way {
  Channel channel;
  const char* call;
  int (*attempt)(pid_t child, int listener);
};

constexpr Way kWays[] = {
    {Channel::kTracing, "get_robust_list", [](pid_t child, int) { return ReadRobustList(child); }},
    {Channel::kTracing, "process_vm_readv", [](pid_t child, int) { return ReadMemory(child); }},
    {Channel::kTracing, kOpenEnvironment.data(), [](pid_t child, int) { return OpenEnvironment(child); }},
    {Channel::kTracing, "perf_event_open", [](pid_t child, int) { return Profile(child); }},
    {Channel::kSignals, "kill", [](pid_t child, int) { return ErrnoOf(kill(child, 0)); }},
    {Channel::kAbstractSockets, "connect", [](pid_t, int listener) { return Connect(listener); }},
};

}  // namespace

Victim::Victim() : child_([] { return 0; }, kPurpose), listener_(ListenAnywhere()) {}

std::vector<Attempt> Victim::TryBefore() const {
  std::vector<Attempt> attempts;
  for (const Way& way : kWays) {
    attempts.push_back({way.channel, way.call, way.attempt(child_.pid(), listener_.get()), 0});
  }
  return attempts;
}

void Victim::TryAfter(std::vector<Attempt>* attempts) const {
  Attempt* attempt = attempts->data();
  for (const Way& way : kWays) (attempt++)->after = way.attempt(child_.pid(), listener_.get());
  // A process that has ended has no memory, and shows nothing about one that has.
  if (!child_.IsRunning()) Fail(kNotLaunched, std::string(kPurpose) + " was ended: start it again");
}

}  // namespace tracegate
