#include "debugger/crash_handler.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "debugger/debugging_order.h"
#include "debugger/window.h"
#include "syscall/prctl.h"
#include "syscall/result.h"
#include "syscall/syscall_numbers.h"

namespace tracegate {
namespace {

constexpr int kSignals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
constexpr size_t kSignalCount = sizeof kSignals / sizeof *kSignals;
constexpr unsigned long kNobody = 0;

using Handler = void (*)(int, siginfo_t*, void*);

// node::RegisterSignalHandler() of node.h. V8 takes the SIGSEGVs of WebAssembly's out-of-bounds accesses; what it leaves
// goes to the one handler that this sets.
using RegisterSignalHandler = void (*)(int, Handler, bool);

RegisterSignalHandler FindRegisterSignalHandler() {
  void* const symbol = dlsym(RTLD_DEFAULT, "_ZN4node21RegisterSignalHandlerEiPFviP9siginfo_tPvEb");
  return reinterpret_cast<RegisterSignalHandler>(symbol);
}

// Whether it is Node itself that handles this signal, and so passes on what isn't its own.
bool IsNodes(const struct sigaction& action, RegisterSignalHandler node) {
  Dl_info handler;
  Dl_info program;
  return node != nullptr && (action.sa_flags & SA_SIGINFO) != 0 &&
         dladdr(reinterpret_cast<void*>(action.sa_sigaction), &handler) != 0 &&
         dladdr(reinterpret_cast<void*>(node), &program) != 0 && handler.dli_fbase == program.dli_fbase;
}

struct Installed {
  bool through_node;
  struct sigaction before;
};

struct Handling {
  pid_t debugger;
  UniqueFd process;  // its pidfd
  UniqueFd order;
  bool declares;
  int patience_ms;
  const void* owner;
  RegisterSignalHandler node;
  Installed installed[kSignalCount];
};

std::mutex mutex;
// Without a destructor: a crash may come during exit(), too.
Handling* current = nullptr;
// What the handler sees: it can't lock. Whoever takes it out has it alone.
std::atomic<const Handling*> armed{nullptr};
std::atomic<bool> crashing{false};
// The process is dumpable for the debugger's sake.
std::atomic<bool> open_for_crash{false};

int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// Whether it ends in that time.
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
  // It runs still, so the number was its own when the kernel looked that up.
  if (!EndsWithin(handling.process.get(), 0)) {
    open_for_crash = opens;
    if (opens) SetDumpable(1);
    const DebuggingOrder order = {getpid(), static_cast<int32_t>(syscall(SYS_gettid)), signal, handling.patience_ms};
    if (send(handling.order.get(), &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof order) {
      EndsWithin(handling.process.get(), handling.patience_ms);
    }
    // Nor does a grant stay open that the watcher can't close any more.
    if (opens || IsWindowOpen()) SetDumpable(0);
    open_for_crash = false;
  }
  if (handling.declares) SetPtracer(kNobody);
}

// fork(2) while the debugger looks: the child has neither the thread that waits, nor a reason to be open.
void AfterForkInChild() {
  if (!crashing) return;
  if (open_for_crash) SetDumpable(0);
  open_for_crash = false;
  crashing = false;
}

void RaiseHere(int signal) {
  // To what is there by the time that the handler returns: the signal is blocked in it.
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
}

// What Node does where no handler is registered; and it takes no null.
void Die(int signal, siginfo_t*, void*) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  RaiseHere(signal);
}

void OnCrash(int signal, siginfo_t*, void*);

// Unless somebody has set another since.
void Restore(const Handling& handling, size_t at) {
  const Installed& installed = handling.installed[at];
  struct sigaction now;
  if (sigaction(kSignals[at], nullptr, &now) != 0) return;
  const Handler ours = installed.through_node ? installed.before.sa_sigaction : OnCrash;
  if ((now.sa_flags & SA_SIGINFO) == 0 || now.sa_sigaction != ours) return;
  if (installed.through_node) handling.node(kSignals[at], Die, false);
  sigaction(kSignals[at], &installed.before, nullptr);
}

// Everything here is a system call or its like: signal-safety(7).
void OnCrash(int signal, siginfo_t* info, void* context) {
  const Handling* const handling = armed.exchange(nullptr);
  if (handling == nullptr) {
    // Of another thread: with its death the process would end before the debugger has seen it.
    const bool is_second = crashing;
    while (crashing) poll(nullptr, 0, 20);
    // Nothing was to be let in: a child of fork(2) whose parent the debugger looked at, say.
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
  installed.through_node = signal == SIGSEGV && IsNodes(installed.before, handling->node);
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

// Where the calling thread's own stack is what overflows. It stays for the thread's life.
void GiveSignalStack() {
  stack_t now;
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  const size_t size = static_cast<size_t>(SIGSTKSZ) + 16384;
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
  // One that has looked at a crash which the process survived is no more.
  const bool is_spent = current != nullptr && armed.load() == nullptr && !crashing;
  if (current != nullptr && !is_spent) return -EBUSY;
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, handling.debugger, 0)));
  if (!process) return -errno;
  if (EndsWithin(process.get(), 0)) return -ESRCH;
  static const int at_fork = pthread_atfork(nullptr, nullptr, AfterForkInChild);
  if (at_fork != 0) return -at_fork;
  delete current;
  current = new Handling{handling.debugger, std::move(process),   std::move(handling.order), handling.declares,
                         handling.patience_ms, handling.owner, FindRegisterSignalHandler(), {}};
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
    return false;  // it is in use, and what was there before comes back with its end
  }
  delete current;
  current = nullptr;
  return true;
}

}  // namespace tracegate
