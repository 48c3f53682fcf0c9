#include "process_table.h"

#include <fcntl.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "blocked_signals.h"

namespace tracegate {
namespace {

constexpr size_t kMostThreads = 4;

// What one thread takes at a time: about half a millisecond of work, many times what it costs to start a thread.
constexpr size_t kShare = 16;

size_t ThreadsFor(size_t processes) {
  const size_t processors = std::thread::hardware_concurrency();
  return std::min({kMostThreads, std::max<size_t>(processors, 1), (processes + kShare - 1) / kShare});
}

}  // namespace

ProcessTable::ProcessTable(std::vector<pid_t> pids, unsigned wanted, size_t portion)
    : proc_(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)),
      error_(proc_ ? 0 : -errno),
      pids_(std::move(pids)),
      wanted_(wanted),
      portion_(std::max<size_t>((portion + kShare - 1) / kShare, 1) * kShare),
      rows_(pids_.size()) {
  if (error_ < 0) return;
  for (size_t at = 0; at < pids_.size(); at += portion_) unread_.push_back(std::min(portion_, pids_.size() - at));
  for (size_t count = ThreadsFor(pids_.size()); threads_.size() + 1 < count;) {
    const BlockedSignals blocked;
    pthread_t thread;
    // Where no more may be started (RLIMIT_NPROC, pids.max), those that are there do the work.
    if (pthread_create(&thread, nullptr, ReadAhead, this) != 0) break;
    threads_.push_back(thread);
  }
}

ProcessTable::~ProcessTable() {
  next_share_.store(pids_.size());
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

void* ProcessTable::ReadAhead(void* table) {
  FileBuffer buffer;
  while (static_cast<ProcessTable*>(table)->ReadShare(&buffer)) continue;
  return nullptr;
}

// False: none is left.
bool ProcessTable::ReadShare(FileBuffer* buffer) {
  const size_t begin = next_share_.fetch_add(kShare);
  if (begin >= pids_.size()) return false;
  const size_t end = std::min(begin + kShare, pids_.size());
  for (size_t i = begin; i < end; ++i) {
    ReadProcessRow(proc_.get(), pids_[i], wanted_, &no_labels_, buffer, &rows_[i]);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if ((unread_[begin / portion_] -= end - begin) == 0) is_read_.notify_one();
  return true;
}

bool ProcessTable::IsRead(size_t portion) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return unread_[portion] == 0;
}

ProcessTable::Rows ProcessTable::Next() {
  const size_t begin = given_;
  if (begin < pids_.size()) {
    const size_t portion = begin / portion_;
    while (!IsRead(portion) && ReadShare(&buffer_)) continue;
    std::unique_lock<std::mutex> lock(mutex_);
    is_read_.wait(lock, [&] { return unread_[portion] == 0; });
    given_ = std::min(begin + portion_, pids_.size());
  }
  return {rows_.data() + begin, rows_.data() + given_};
}

}  // namespace tracegate
