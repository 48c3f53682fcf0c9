#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "proc/process_row.h"
#include "syscall/unique_stream.h"

namespace tracegate {

// A row of each process, as /proc shows it to the thread that makes the table. Threads start with the first portion.
// Together with the calling thread there are as many as processors, but at most four. The destructor waits for the
// threads.
//
// The row of this process itself may count these threads.
class ProcessTable {
 public:
  // `portion` is the number of rows that Next() returns at a time.
  ProcessTable(unsigned wanted, size_t portion);
  ~ProcessTable();

  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  // 0, or the -errno of opening /proc.
  int error() const { return error_; }

  void Add(pid_t pid);
  // Adds all processes that /proc lists. Returns 0, or -errno, in which case some processes are already added.
  int AddListed();
  // Ends the adding. Next() may be called from here on.
  void Complete();
  size_t count() const { return count_; }

  // Returns the next rows, in the order of the processes, or no rows after the last portion. The rows stay valid until
  // the next call. A row takes some 400 bytes.
  const std::vector<ProcessRow>& Next();

 private:
  struct Portion {
    explicit Portion(std::vector<pid_t> of) : pids(std::move(of)), unread(pids.size()) {}
    const std::vector<pid_t> pids;
    std::vector<ProcessRow> rows;  // a row belongs to the thread that took it, until it is read
    size_t taken = 0;
    size_t unread;
  };

  void Publish();
  static void* ReadAhead(void* argument);
  bool ReadShare(int proc, FileBuffer* buffer);
  bool IsRead(const Portion& portion);

  const UniqueDir proc_;
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

  // Guards all members below. Only the calling thread adds portions, so that thread reads their number without the
  // lock.
  std::mutex mutex_;
  std::condition_variable is_more_;
  std::condition_variable is_read_;
  bool is_complete_ = false;
  std::deque<Portion> portions_;
  size_t next_taken_ = 0;
};

}  // namespace tracegate
