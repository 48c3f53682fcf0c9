#pragma once

#include <pthread.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "syscall/unique_fd.h"
#include "watch/access_event.h"

namespace tracegate {

// Reads a source on a thread of its own. The thread reads ahead up to a limit: then the source's own buffer fills, and the
// source counts what it loses.
class EventReader {
 public:
  // The thread calls `notify` when the first of new events, or the source's end, can be taken. No call comes after the
  // destructor.
  EventReader(std::unique_ptr<AccessSource> source, std::function<void()> notify);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  // Returns 0 or -errno.
  int Start();

  // Returns 0 or -errno: the source has failed, and has no further events.
  int Take(std::vector<AccessEvent>* events);

 private:
  static void* RunReader(void* reader);
  void Run();
  // Returns the number of events that may be read, or -1: the reader ends.
  int Room();
  void Wake();

  const std::unique_ptr<AccessSource> source_;
  const std::function<void()> notify_;
  UniqueFd wake_;
  pthread_t thread_ = {};
  bool is_started_ = false;
  std::mutex mutex_;  // of what follows
  std::vector<AccessEvent> pending_;
  int error_ = 0;
  bool is_over_ = false;
};

}  // namespace tracegate
