#include "watch/event_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <iterator>
#include <utility>

#include "syscall/blocked_signals.h"
#include "syscall/result.h"

namespace tracegate {
namespace {

constexpr size_t kReadAhead = 8192;
// So many are read before they can be taken: a source may look at /proc for each.
constexpr size_t kBatch = 64;

}  // namespace

EventReader::EventReader(std::unique_ptr<AccessSource> source, std::function<void()> notify)
    : source_(std::move(source)), notify_(std::move(notify)) {}

EventReader::~EventReader() {
  if (!is_started_) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_over_ = true;
  }
  Wake();
  pthread_join(thread_, nullptr);
}

int EventReader::Start() {
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return -errno;
  const BlockedSignals blocked;
  const int error = pthread_create(&thread_, nullptr, RunReader, this);
  is_started_ = error == 0;
  return -error;
}

void* EventReader::RunReader(void* reader) {
  static_cast<EventReader*>(reader)->Run();
  return nullptr;
}

int EventReader::Take(std::vector<AccessEvent>* events) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (pending_.size() >= kReadAhead) Wake();
  *events = std::exchange(pending_, {});
  return events->empty() ? error_ : 0;
}

int EventReader::Room() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_over_) return -1;
  return pending_.size() < kReadAhead ? static_cast<int>(kReadAhead - pending_.size()) : 0;
}

void EventReader::Wake() {
  eventfd_write(wake_.get(), 1);
}

void EventReader::Run() {
  for (;;) {
    const int room = Room();
    if (room < 0) return;
    // poll() leaves out a negative descriptor.
    pollfd waits[] = {{wake_.get(), POLLIN, 0}, {room > 0 ? source_->fd() : -1, POLLIN, 0}};
    RetryEintr([&] { return poll(waits, 2, -1); });
    if (waits[0].revents != 0) {
      eventfd_t count;
      eventfd_read(wake_.get(), &count);
      continue;
    }
    std::vector<AccessEvent> events;
    const int error = source_->Read(std::min(static_cast<size_t>(room), kBatch), &events);
    if (events.empty() && error == 0) continue;
    bool is_first;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_first = pending_.empty();
      std::move(events.begin(), events.end(), std::back_inserter(pending_));
      error_ = error;
    }
    if (is_first || error < 0) notify_();
    if (error < 0) return;
  }
}

}  // namespace tracegate
