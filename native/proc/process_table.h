#pragma once

#include <dirent.h>
#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "proc/process_row.h"

namespace tracegate {

// A row of each process, as /proc shows it to the thread that makes the table. A few threads read from the first portion on,
// as many as there are processors with the calling one, and at most four in all. They have ended when the table is gone.
//
// Of the own process the row is of a moment in which it has these threads too.
class ProcessTable {
 public:
  // Its rows come in portions of so many.
  ProcessTable(unsigned wanted, size_t portion);
  ~ProcessTable();

  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  // Of /proc itself: 0 or -errno.
  int error() const { return error_; }

  void Add(pid_t pid);
  // Those that /proc lists. 0, or -errno after some of them.
  int AddListed();
  // There will be no more of them, and the rows may be asked for.
  void Complete();
  size_t count() const { return count_; }

  // The next rows, in the order of the processes, until the call after this one; none after the last. They are some 400 bytes
  // each.
  const std::vector<ProcessRow>& Next();

 private:
  struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  struct Portion {
    explicit Portion(std::vector<pid_t> of) : pids(std::move(of)), unread(pids.size()) {}
    const std::vector<pid_t> pids;
    std::vector<ProcessRow> rows;  // each is one thread's from when it is taken until it is read
    size_t taken = 0;
    size_t unread;
  };

  void Publish();
  static void* ReadAhead(void* argument);
  bool ReadShare(int proc, FileBuffer* buffer);
  bool IsRead(const Portion& portion);

  const std::unique_ptr<DIR, CloseDirectory> proc_;
  const int error_;
  const unsigned wanted_;
  const size_t portion_;
  NoLabels no_labels_{false};
  size_t count_ = 0;
  std::vector<pid_t> added_;
  size_t next_given_ = 0;
  std::vector<ProcessRow> rows_;
  FileBuffer buffer_;
  std::vector<pthread_t> threads_;

  // Of what follows. The calling thread alone adds portions, and looks at their number without it.
  std::mutex mutex_;
  std::condition_variable is_more_;
  std::condition_variable is_read_;
  bool is_complete_ = false;
  std::deque<Portion> portions_;
  size_t next_taken_ = 0;
};

}  // namespace tracegate
