#pragma once

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "process_row.h"

namespace tracegate {

// These processes, as /proc shows them to the thread that makes the table: a row each. A few threads read ahead, as many
// as there are processors with the calling one, and at most four in all, while that has to do with what it was given.
// They have ended when the table is gone.
//
// Of the own process the row is of a moment in which it has these threads too.
class ProcessTable {
 public:
  // Its rows come in portions of so many or a few more. It has room for all of them, some 400 bytes each.
  ProcessTable(std::vector<pid_t> pids, unsigned wanted, size_t portion);
  ~ProcessTable();

  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  // Of /proc itself: 0 or -errno.
  int error() const { return error_; }

  struct Rows {
    const ProcessRow* first;
    const ProcessRow* last;  // one behind
    const ProcessRow* begin() const { return first; }
    const ProcessRow* end() const { return last; }
  };
  // The next ones, in the order of the pids; none after the last. They stay as long as the table.
  Rows Next();

 private:
  static void* ReadAhead(void* table);
  bool ReadShare(FileBuffer* buffer);
  bool IsRead(size_t portion);

  const UniqueFd proc_;
  const int error_;
  const std::vector<pid_t> pids_;
  const unsigned wanted_;
  const size_t portion_;
  std::vector<ProcessRow> rows_;  // each is one thread's until it is read
  std::atomic<size_t> next_share_{0};
  NoLabels no_labels_{false};
  size_t given_ = 0;
  FileBuffer buffer_;
  std::mutex mutex_;
  std::condition_variable is_read_;
  std::vector<size_t> unread_;  // of each portion
  std::vector<pthread_t> threads_;
};

}  // namespace tracegate
