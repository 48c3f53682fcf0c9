#include "process_table.h"

#include <fcntl.h>
#include <pthread.h>

#include <algorithm>
#include <thread>

#include "blocked_signals.h"

namespace tracegate {
namespace {

constexpr size_t kMostThreads = 4;

// What one thread takes at a time: about a millisecond of work, many times what it costs to start a thread.
constexpr size_t kShare = 16;

// What the threads read of and write to. Each row is one thread's.
struct Table {
  int proc;
  const std::vector<pid_t>& pids;
  unsigned wanted;
  std::vector<ProcessRow>& rows;
  std::atomic<size_t> next{0};
  NoLabels no_labels{false};
};

void* ReadRows(void* argument) {
  auto* table = static_cast<Table*>(argument);
  RowBuffers buffers;
  for (;;) {
    const size_t begin = table->next.fetch_add(kShare);
    if (begin >= table->pids.size()) return nullptr;
    const size_t end = std::min(begin + kShare, table->pids.size());
    for (size_t i = begin; i < end; ++i) {
      ReadProcessRow(table->proc, table->pids[i], table->wanted, &table->no_labels, &buffers, &table->rows[i]);
    }
  }
}

size_t ThreadsFor(size_t processes) {
  const size_t processors = std::thread::hardware_concurrency();
  return std::min({kMostThreads, std::max<size_t>(processors, 1), (processes + kShare - 1) / kShare});
}

}  // namespace

int ReadProcessTable(const std::vector<pid_t>& pids, unsigned wanted, std::vector<ProcessRow>* rows) {
  const UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc) return -errno;
  rows->clear();
  rows->resize(pids.size());
  Table table = {proc.get(), pids, wanted, *rows};

  std::vector<pthread_t> threads;
  for (size_t count = ThreadsFor(pids.size()); threads.size() + 1 < count;) {
    const BlockedSignals blocked;
    pthread_t thread;
    // Where no more may be started (RLIMIT_NPROC, pids.max), those that are there do the work.
    if (pthread_create(&thread, nullptr, ReadRows, &table) != 0) break;
    threads.push_back(thread);
  }
  ReadRows(&table);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  return 0;
}

}  // namespace tracegate
