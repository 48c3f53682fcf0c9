#include "debugger/crash_handler.h"

#include <linux/auxvec.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "debugger/debugging_order.h"
#include "debugger/grant.h"
#include "node/signal_handler.h"
#include "syscall/prctl.h"
#include "syscall/result.h"
#include "syscall/syscall_numbers.h"

namespace tracegate {
namespace {

constexpr int kSignals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
constexpr size_t kSignalCount = sizeof kSignals / sizeof *kSignals;
constexpr unsigned long kNobody = 0;

struct Installed {
  bool through_node;
  struct sigaction before;
};

struct Handling {
  pid_t debugger;
  UniqueFd process;  // its pidfd
  UniqueFd order;
  bool declares;
  int timeout_ms;
  const void* owner;
  RegisterSignalHandler node;
  Installed installed[kSignalCount];
};

std::mutex mutex;
// A raw pointer has no destructor: a crash may also come during exit().
Handling* current = nullptr;
// What the signal handler sees, since it cannot lock. The thread that exchanges this for null has the Handling alone.
std::atomic<const Handling*> armed{nullptr};
std::atomic<bool> crashing{false};
// True while the process is dumpable for the debugger.
std::atomic<bool> open_for_crash{false};

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// Returns whether the process ends within that time.
bool EndsWithin(int pidfd, int milliseconds) {
  const int64_t deadline = NowMs() + milliseconds;
  for (;;) {
    const int64_t left = deadline - NowMs();
    pollfd process = {pidfd, POLLIN, 0};
    if (poll(&process, 1, left > 0 ? static_cast<int>(left) : 0) > 0) return true;
    if (left <= 0) return false;
  }
}

void LetIn(const Handling& handling, int signal) {
  if (EndsWithin(handling.process.get(), 0)) return;
  if (handling.declares && SetPtracer(static_cast<unsigned long>(handling.debugger)) < 0) return;
  const bool opens = GetDumpable() != 1;
  // The debugger still runs, so the pid was its own when the kernel looked the pid up.
  if (!EndsWithin(handling.process.get(), 0)) {
    open_for_crash = opens;
    if (opens) SetDumpable(1);
    const DebuggingOrder order = {getpid(), static_cast<int32_t>(syscall(SYS_gettid)), signal, handling.timeout_ms};
    if (send(handling.order.get(), &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof order) {
      EndsWithin(handling.process.get(), handling.timeout_ms);
    }
    // The watcher of an open grant may no longer be able to close it, so this closes the grant too.
    if (opens || IsGrantOpen()) SetDumpable(0);
    open_for_crash = false;
  }
  if (handling.declares) SetPtracer(kNobody);
}

// fork(2) while the debugger looks: the child lacks the thread that waits, and has no reason to stay open.
void AfterForkInChild() {
  if (!crashing) return;
  if (open_for_crash) SetDumpable(0);
  open_for_crash = false;
  crashing = false;
}

void RaiseHere(int signal) {
  // The signal is blocked in this handler. So it reaches the handler that is set when this one returns.
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

// Node does the same if no handler is registered.
void Die(int signal, siginfo_t*, void*) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  RaiseHere(signal);
}

void OnCrash(int signal, siginfo_t*, void*);

// Restores the earlier handler, unless other code has set another one since.
void Restore(const Handling& handling, size_t at) {
  const Installed& installed = handling.installed[at];
  struct sigaction now;
  if (sigaction(kSignals[at], nullptr, &now) != 0) return;
  const SignalHandler ours = installed.through_node ? installed.before.sa_sigaction : OnCrash;
  if ((now.sa_flags & SA_SIGINFO) == 0 || now.sa_sigaction != ours) return;
  if (installed.through_node) handling.node(kSignals[at], Die, false);
  sigaction(kSignals[at], &installed.before, nullptr);
}

// Only functions that signal-safety(7) allows, and system calls.
void OnCrash(int signal, siginfo_t* info, void* context) {
  const Handling* const handling = armed.exchange(nullptr);
  if (handling == nullptr) {
    // Another thread crashed first. If this thread died now, the process would end before the debugger has seen the
    // first crash.
    const bool is_second = crashing;
    while (crashing) poll(nullptr, 0, 20);
    // No debugger was to be let in. An example is a child of fork(2) whose parent the debugger looked at.
    if (!is_second) return Die(signal, info, context);
  } else {
    crashing = true;
    LetIn(*handling, signal);
    for (size_t at = 0; at < kSignalCount; ++at) Restore(*handling, at);
    crashing = false;
  }
  RaiseHere(signal);
}

bool Install(Handling* handling, size_t at) {
  const int signal = kSignals[at];
  Installed& installed = handling->installed[at];
  if (sigaction(signal, nullptr, &installed.before) != 0) return false;
  installed.through_node = signal == SIGSEGV && IsHandledByNode(installed.before, handling->node);
  struct sigaction action = {};
  if (installed.through_node) {
    handling->node(signal, OnCrash, false);
    action = installed.before;
  } else {
    action.sa_sigaction = OnCrash;
  }
  action.sa_flags |= SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  return sigaction(signal, &action, nullptr) == 0;
}

// Gives the calling thread a signal stack, for the case that its own stack overflows. The signal stack stays for the
// life of the thread.
void GiveSignalStack() {
  stack_t now;
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  // What the kernel saves there grows with the CPU; SIGSTKSZ is a constant in older C libraries, and in musl.
  const size_t size = std::max<size_t>(SIGSTKSZ, getauxval(AT_MINSIGSTKSZ)) + 16384;
  void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = size;
  sigaltstack(&stack, nullptr);
}

}  // namespace

int HandleCrashes(CrashHandling handling) {
  const std::lock_guard<std::mutex> lock(mutex);
  // A Handling that has handled a crash is spent if the process survived that crash.
  const bool is_spent = current != nullptr && armed.load() == nullptr && !crashing;
  if (current != nullptr && !is_spent) return -EBUSY;
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, handling.debugger, 0)));
  if (!process) return -errno;
  if (EndsWithin(process.get(), 0)) return -ESRCH;
  static const int at_fork = pthread_atfork(nullptr, nullptr, AfterForkInChild);
  if (at_fork != 0) return -at_fork;
  delete current;
  current = new Handling{handling.debugger, std::move(process),   std::move(handling.order), handling.declares,
                         handling.timeout_ms, handling.owner, FindRegisterSignalHandler(), {}};
  GiveSignalStack();
  armed = current;
  for (size_t at = 0; at < kSignalCount; ++at) {
    if (Install(current, at)) continue;
    const int error = errno;
    armed = nullptr;
    while (at-- > 0) Restore(*current, at);
    delete current;
    current = nullptr;
    return -error;
  }
  return 0;
}

bool StopHandlingCrashes(const void* owner) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (current == nullptr || current->owner != owner) return false;
  if (armed.exchange(nullptr) != nullptr) {
    for (size_t at = 0; at < kSignalCount; ++at) Restore(*current, at);
  } else if (crashing) {
    return false;  // the Handling is in use, and OnCrash() restores the earlier handlers
  }
  delete current;
  current = nullptr;
  return true;
}

}  // namespace tracegate
