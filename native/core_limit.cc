#include "core_limit.h"

#include "result.h"

namespace tracegate {

int GetCoreLimit(rlimit* limit) {
  return ToResult(getrlimit(RLIMIT_CORE, limit));
}

int SetCoreLimit(const rlimit& limit) {
  return ToResult(setrlimit(RLIMIT_CORE, &limit));
}

}  // namespace tracegate
