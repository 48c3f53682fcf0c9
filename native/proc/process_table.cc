#include "proc/process_table.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <thread>
#include <utility>

#include "syscall/blocked_signals.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

constexpr size_t kMostThreads = 4;

// Processes that one thread takes at a time: about half a millisecond of work, many times the cost of starting a
// thread.
constexpr size_t kShare = 16;

size_t ThreadsFor(size_t processes) {
  const size_t processors = std::thread::hardware_concurrency();
  return std::min({kMostThreads, std::max<size_t>(processors, 1), (processes + kShare - 1) / kShare});
}

// Parses the name of an entry in /proc. Returns false if the name is not a pid.
bool ParsePid(const char* name, pid_t* pid) {
  const char* const end = name + strlen(name);
  const auto [rest, error] = std::from_chars(name, end, *pid);
  return rest == end && error == std::errc() && *pid > 0;
}

}  // namespace

ProcessTable::ProcessTable(unsigned wanted, size_t portion)
    : proc_(opendir("/proc")),
      error_(proc_ != nullptr ? 0 : -errno),
      wanted_(wanted),
      portion_(std::max<size_t>(portion, 1)) {}

ProcessTable::~ProcessTable() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_complete_ = true;
    next_taken_ = portions_.size();
  }
  is_more_.notify_all();
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
}

void ProcessTable::Add(pid_t pid) {
  added_.push_back(pid);
  ++count_;
  if (added_.size() == portion_) Publish();
}

int ProcessTable::AddListed() {
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(proc_.get());
    if (entry == nullptr) return -errno;
    if (pid_t pid; ParsePid(entry->d_name, &pid)) Add(pid);
  }
}

void ProcessTable::Complete() {
  if (!added_.empty()) Publish();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_complete_ = true;
  }
  is_more_.notify_all();
}

// Makes a portion of the processes that were added since the last call, and starts threads for the new work.
void ProcessTable::Publish() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    portions_.emplace_back(std::exchange(added_, {}));
  }
  is_more_.notify_all();
  while (threads_.size() + 1 < ThreadsFor(count_)) {
    const BlockedSignals blocked;
    pthread_t thread;
    // If a limit refuses another thread (RLIMIT_NPROC, pids.max), the present threads do the work.
    if (pthread_create(&thread, nullptr, ReadAhead, this) != 0) break;
    threads_.push_back(thread);
  }
}

void* ProcessTable::ReadAhead(void* argument) {
  auto* const table = static_cast<ProcessTable*>(argument);
  // Each thread opens /proc for itself: all processors would count their uses of a shared open file in one place
  // (fs/file.c, fdget). If no descriptor is left, the thread uses the shared one.
  const int shared = dirfd(table->proc_.get());
  const UniqueFd own(openat(shared, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int proc = own ? own.get() : shared;
  FileBuffer buffer;
  while (table->ReadShare(proc, &buffer)) continue;
  return nullptr;
}

// Returns false if no work is left.
bool ProcessTable::ReadShare(int proc, FileBuffer* buffer) {
  std::unique_lock<std::mutex> lock(mutex_);
  is_more_.wait(lock, [this] { return next_taken_ < portions_.size() || is_complete_; });
  if (next_taken_ == portions_.size()) return false;
  Portion& portion = portions_[next_taken_];
  const size_t begin = portion.taken;
  const size_t end = std::min(begin + kShare, portion.pids.size());
  if (begin == 0) portion.rows.resize(portion.pids.size());
  portion.taken = end;
  if (end == portion.pids.size()) ++next_taken_;
  lock.unlock();
  for (size_t i = begin; i < end; ++i) {
    ReadProcessRow(proc, portion.pids[i], wanted_, &no_labels_, buffer, &portion.rows[i]);
  }
  lock.lock();
  if ((portion.unread -= end - begin) == 0) is_read_.notify_one();
  return true;
}

bool ProcessTable::IsRead(const Portion& portion) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return portion.unread == 0;
}

const std::vector<ProcessRow>& ProcessTable::Next() {
  rows_.clear();
  if (next_given_ == portions_.size()) return rows_;
  Portion& portion = portions_[next_given_++];
  while (!IsRead(portion) && ReadShare(dirfd(proc_.get()), &buffer_)) continue;
  std::unique_lock<std::mutex> lock(mutex_);
  is_read_.wait(lock, [&portion] { return portion.unread == 0; });
  rows_ = std::move(portion.rows);
  return rows_;
}

}  // namespace tracegate
