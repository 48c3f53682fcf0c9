#include "syscall/core_limit.h"

#include <unistd.h>

#include "syscall/result.h"

namespace tracegate {

int GetCoreLimit(rlimit* limit) {
  return ToResult(getrlimit(RLIMIT_CORE, limit));
}

int SetCoreLimit(const rlimit& limit) {
  return ToResult(setrlimit(RLIMIT_CORE, &limit));
}

int SmallestCoreLimit() {
  return static_cast<int>(sysconf(_SC_PAGESIZE));
}

}  // namespace tracegate
