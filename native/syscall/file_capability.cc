#include "syscall/file_capability.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "syscall/result.h"
#include "syscall/unique_stream.h"

namespace tracegate {
namespace {

using GetXattr = decltype(&getxattr);

int ReadWords(GetXattr get, const char* path, CapabilityWords* words) {
  // This struct is the longest revision of the attribute. The kernel accepts no longer value.
  uint32_t data[sizeof(vfs_ns_cap_data) / sizeof(uint32_t)];
  const int length = ToResult(get(path, XATTR_NAME_CAPS, data, sizeof data));
  if (length == -ENODATA || length == -EOPNOTSUPP) return 0;
  if (length < 0) return length;
  for (size_t i = 0; i < static_cast<size_t>(length) / sizeof data[0]; ++i) words->push_back(le32toh(data[i]));
  return 0;
}

// S_IFDIR, S_IFREG, …; 0 if the file is gone.
mode_t TypeOf(const dirent& entry, const std::string& path) {
  if (entry.d_type != DT_UNKNOWN) return DTTOIF(entry.d_type);
  struct stat status;
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

// The directories that wait, and what was found. Each thread takes one directory at a time.
class Search {
 public:
  explicit Search(std::vector<std::string> directories) : waiting_(std::move(directories)) {}

  void Run() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return !waiting_.empty() || reading_ == 0; });
      if (waiting_.empty()) return;
      const std::string directory = std::move(waiting_.back());
      waiting_.pop_back();
      ++reading_;
      lock.unlock();
      std::vector<std::string> below;
      std::vector<CapabilityFile> found;
      Read(directory, &below, &found);
      lock.lock();
      --reading_;
      std::move(below.begin(), below.end(), std::back_inserter(waiting_));
      std::move(found.begin(), found.end(), std::back_inserter(found_));
      changed_.notify_all();
    }
  }

  std::vector<CapabilityFile> TakeFound() { return std::move(found_); }

 private:
  static void Read(const std::string& directory, std::vector<std::string>* below, std::vector<CapabilityFile>* found) {
    const UniqueDir list(opendir(directory.c_str()));
    if (!list) {
      if (errno != ENOENT) found->push_back({directory, {}, -errno});
      return;
    }
    std::string path = directory + '/';
    const size_t length = path.size();
    for (;;) {
      errno = 0;
      const dirent* entry = readdir(list.get());
      if (entry == nullptr) break;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      path.replace(length, std::string::npos, entry->d_name);
      const mode_t type = TypeOf(*entry, path);
      if (type == S_IFDIR) {
        below->push_back(path);
      } else if (type == S_IFREG) {
        CapabilityWords words;
        const int error = ReadWords(lgetxattr, path.c_str(), &words);
        if (error != -ENOENT && (error < 0 || !words.empty())) found->push_back({path, std::move(words), error});
      }
    }
    if (errno != 0) found->push_back({directory, {}, -errno});
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> waiting_;
  std::vector<CapabilityFile> found_;
  int reading_ = 0;
};

void* RunSearch(void* search) {
  static_cast<Search*>(search)->Run();
  return nullptr;
}

// More threads only wait for each other in the kernel.
constexpr int kMostThreads = 8;

int UsableProcessors() {
  cpu_set_t processors;
  return sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : 1;
}

}  // namespace

int ReadFileCapabilities(const char* path, CapabilityWords* words) {
  return ReadWords(getxattr, path, words);
}

std::vector<CapabilityFile> FindCapabilityFiles(std::vector<std::string> directories) {
  Search search(std::move(directories));
  std::vector<pthread_t> others;
  for (int i = 1; i < std::min(UsableProcessors(), kMostThreads); ++i) {
    pthread_t thread;
    // At a limit of threads, the others do the work.
    if (pthread_create(&thread, nullptr, RunSearch, &search) == 0) others.push_back(thread);
  }
  search.Run();
  for (const pthread_t thread : others) pthread_join(thread, nullptr);
  return search.TakeFound();
}

}  // namespace tracegate
