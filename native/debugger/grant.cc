#include "debugger/grant.h"

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

struct Grant {
  const void* owner;
  bool declares;
  bool opens;  // the process was not dumpable before
  UniqueFd debugger;
  UniqueFd timer;
  UniqueFd closing;
  std::function<void(GrantEnd)> ended;
  pthread_t watcher;
};

// PR_SET_PTRACER and PR_SET_DUMPABLE apply to the whole process, and so does this state. A thread that changes either
// holds the mutex.
std::mutex mutex;
std::unique_ptr<Grant> current;
std::atomic<bool> made_dumpable{false};

bool IsReady(int fd) {
  pollfd event = {fd, POLLIN, 0};
  return RetryEintr([&] { return poll(&event, 1, 0); }) > 0;
}

bool HasEnded(int pidfd) {
  return IsReady(pidfd);
}

GrantEnd EndOf(const Grant& grant) {
  if (grant.debugger && HasEnded(grant.debugger.get())) return GrantEnd::kDebuggerEnded;
  return grant.timer && IsReady(grant.timer.get()) ? GrantEnd::kTimeUp : GrantEnd::kClosed;
}

// In this order no process but the debugger can ever attach: security/yama/yama_lsm.c checks each attach.
void Close(const Grant& grant) {
  if (grant.opens) SetDumpable(kNotDumpable);
  made_dumpable = false;
  if (grant.declares) SetPtracer(kNobody);
}

// Returns null if `expected` is no longer the current grant.
std::unique_ptr<Grant> TakeOut(const Grant* expected) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (current == nullptr || current.get() != expected) return nullptr;
  Close(*current);
  return std::move(current);
}

void Watch(const Grant* grant) {
  pollfd events[] = {
      {grant->closing.get(), POLLIN, 0},
      {grant->debugger.get(), POLLIN, 0},
      {grant->timer.get(), POLLIN, 0},
  };
  RetryEintr([&] { return poll(events, 3, -1); });
  if (events[0].revents != 0) return;
  const std::unique_ptr<Grant> taken = TakeOut(grant);
  if (taken == nullptr) return;  // another thread already closes the grant, and waits for this one
  pthread_detach(pthread_self());
  taken->ended(EndOf(*taken));
}

void* RunWatcher(void* grant) {
  Watch(static_cast<const Grant*>(grant));
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

int Prepare(const GrantRequest& request, Grant* grant) {
  grant->owner = request.owner;
  grant->declares = request.declares;
  grant->opens = GetDumpable() != kDumpable;
  if (request.debugger != -1) {
    grant->debugger = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, request.debugger, 0)));
    if (!grant->debugger) return -errno;
    if (ReadStartTime(ProcessDirectory(request.debugger)) != request.start_time) return -ESRCH;
    if (HasEnded(grant->debugger.get())) return -ESRCH;
  }
  grant->closing = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!grant->closing) return -errno;
  if (request.ttl_ms >= 0) {
    grant->timer = StartTimer(request.ttl_ms);
    if (!grant->timer) return -errno;
  }
  return 0;
}

int Open(const GrantRequest& request, const Grant& grant) {
  if (grant.declares) {
    const int result = SetPtracer(static_cast<unsigned long>(request.debugger));
    if (result < 0) return result;
    if (grant.debugger && HasEnded(grant.debugger.get())) {
      SetPtracer(kNobody);
      return -ESRCH;
    }
  }
  if (!grant.opens) return 0;
  made_dumpable = true;
  const int result = SetDumpable(kDumpable);
  if (result == 0) return 0;
  made_dumpable = false;
  if (grant.declares) SetPtracer(kNobody);
  return result;
}

// The watcher starts with all signals blocked, so that it handles no signal of the process.
int StartWatcher(Grant* grant) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&grant->watcher, nullptr, RunWatcher, grant);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return -error;
}

void EndWatcher(const Grant& grant) {
  eventfd_write(grant.closing.get(), 1);
  pthread_join(grant.watcher, nullptr);
}

}  // namespace

bool IsGrantOpen() { return made_dumpable; }

int OpenGrant(const GrantRequest& request, std::function<void(GrantEnd)> ended) {
  std::unique_lock<std::mutex> lock(mutex);
  if (current != nullptr) return -EBUSY;
  auto grant = std::make_unique<Grant>();
  int result = Prepare(request, grant.get());
  if (result < 0) return result;
  grant->ended = std::move(ended);
  // The watcher starts before the opening, so that an open grant is always watched.
  result = StartWatcher(grant.get());
  if (result < 0) return result;
  result = Open(request, *grant);
  if (result == 0) {
    current = std::move(grant);
    return 0;
  }
  lock.unlock();  // the watcher may wait for this lock
  EndWatcher(*grant);
  return result;
}

std::optional<GrantEnd> CloseGrant(const void* owner) {
  std::unique_ptr<Grant> grant;
  GrantEnd end;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (current == nullptr || current->owner != owner) return std::nullopt;
    end = EndOf(*current);
    Close(*current);
    grant = std::move(current);
  }
  EndWatcher(*grant);
  grant->ended(end);
  return end;
}

}  // namespace tracegate
