#include "debugger/window.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "proc/process_directory.h"
#include "proc/single_facts.h"
#include "syscall/prctl.h"
#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

constexpr int kNotDumpable = 0;
constexpr int kDumpable = 1;
constexpr unsigned long kNobody = 0;

struct Window {
  const void* owner;
  bool declares;
  bool opens;  // the process was not dumpable before
  UniqueFd debugger;
  UniqueFd timer;
  UniqueFd closing;
  std::function<void(WindowEnd)> ended;
  pthread_t watcher;
};

// PR_SET_PTRACER and PR_SET_DUMPABLE apply to the whole process, and so does this state. A thread that changes either
// holds the mutex.
std::mutex mutex;
std::unique_ptr<Window> current;
std::atomic<bool> made_dumpable{false};

bool HasEnded(int pidfd) {
  pollfd process = {pidfd, POLLIN, 0};
  return RetryEintr([&] { return poll(&process, 1, 0); }) > 0;
}

// In this order no process but the debugger can ever attach: security/yama/yama_lsm.c checks each attach.
void Close(const Window& window) {
  if (window.opens) SetDumpable(kNotDumpable);
  made_dumpable = false;
  if (window.declares) SetPtracer(kNobody);
}

// Returns null if `expected` is no longer the current window.
std::unique_ptr<Window> TakeOut(const Window* expected) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (current == nullptr || current.get() != expected) return nullptr;
  Close(*current);
  return std::move(current);
}

void Watch(const Window* window) {
  pollfd events[] = {
      {window->closing.get(), POLLIN, 0},
      {window->debugger.get(), POLLIN, 0},
      {window->timer.get(), POLLIN, 0},
  };
  RetryEintr([&] { return poll(events, 3, -1); });
  if (events[0].revents != 0) return;
  const WindowEnd end = events[1].revents != 0 ? WindowEnd::kDebuggerEnded : WindowEnd::kTimeUp;
  const std::unique_ptr<Window> taken = TakeOut(window);
  if (taken == nullptr) return;  // another thread already closes the window, and waits for this one
  pthread_detach(pthread_self());
  taken->ended(end);
}

void* RunWatcher(void* window) {
  Watch(static_cast<const Window*>(window));
  return nullptr;
}

UniqueFd StartTimer(int ttl_ms) {
  // The clock also counts while the machine sleeps.
  UniqueFd timer(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC));
  itimerspec time = {};
  // A time of 0 would disarm the timer.
  time.it_value = {ttl_ms / 1000, ttl_ms % 1000 * 1000000L + (ttl_ms == 0 ? 1 : 0)};
  if (!timer || timerfd_settime(timer.get(), 0, &time, nullptr) != 0) return UniqueFd();
  return timer;
}

int Prepare(const WindowRequest& request, Window* window) {
  window->owner = request.owner;
  window->declares = request.declares;
  window->opens = GetDumpable() != kDumpable;
  if (request.debugger != -1) {
    window->debugger = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, request.debugger, 0)));
    if (!window->debugger) return -errno;
    if (ReadStartTime(ProcessDirectory(request.debugger)) != request.start_time) return -ESRCH;
    if (HasEnded(window->debugger.get())) return -ESRCH;
  }
  window->closing = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!window->closing) return -errno;
  if (request.ttl_ms >= 0) {
    window->timer = StartTimer(request.ttl_ms);
    if (!window->timer) return -errno;
  }
  return 0;
}

int Open(const WindowRequest& request, const Window& window) {
  if (window.declares) {
    const int result = SetPtracer(static_cast<unsigned long>(request.debugger));
    if (result < 0) return result;
    if (window.debugger && HasEnded(window.debugger.get())) {
      SetPtracer(kNobody);
      return -ESRCH;
    }
  }
  if (!window.opens) return 0;
  made_dumpable = true;
  const int result = SetDumpable(kDumpable);
  if (result == 0) return 0;
  made_dumpable = false;
  if (window.declares) SetPtracer(kNobody);
  return result;
}

// The watcher starts with all signals blocked, so that it handles no signal of the process.
int StartWatcher(Window* window) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&window->watcher, nullptr, RunWatcher, window);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return -error;
}

void EndWatcher(const Window& window) {
  eventfd_write(window.closing.get(), 1);
  pthread_join(window.watcher, nullptr);
}

}  // namespace

bool IsWindowOpen() { return made_dumpable; }

int OpenWindow(const WindowRequest& request, std::function<void(WindowEnd)> ended) {
  std::unique_lock<std::mutex> lock(mutex);
  if (current != nullptr) return -EBUSY;
  auto window = std::make_unique<Window>();
  int result = Prepare(request, window.get());
  if (result < 0) return result;
  window->ended = std::move(ended);
  // The watcher starts before the opening, so that an open window is always watched.
  result = StartWatcher(window.get());
  if (result < 0) return result;
  result = Open(request, *window);
  if (result == 0) {
    current = std::move(window);
    return 0;
  }
  lock.unlock();  // the watcher may wait for this lock
  EndWatcher(*window);
  return result;
}

bool CloseWindow(const void* owner) {
  std::unique_ptr<Window> window;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (current == nullptr || current->owner != owner) return false;
    Close(*current);
    window = std::move(current);
  }
  EndWatcher(*window);
  window->ended(WindowEnd::kClosed);
  return true;
}

}  // namespace tracegate
