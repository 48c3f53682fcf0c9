#include "probe/landlock_domains.h"

#include <errno.h>
#include <sys/prctl.h>

#include "probe/asking_child.h"
#include "syscall/landlock.h"

namespace tracegate {
namespace {

// LANDLOCK_MAX_NUM_LAYERS, security/landlock/limits.h. It was 64 before Linux 5.19, which brought kLandlockReferAbi.
constexpr int kMostDomains = 16;

constexpr int kNoAnswer = kMostDomains + 1;

// Returns the number of domains that the child could still enter.
int EnterAllDomains(int) {
  if (LandlockAbi() < kLandlockReferAbi) return kNoAnswer;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return kNoAnswer;
  for (int entered = 0; entered <= kMostDomains; ++entered) {
    const int result = EnterLandlockDomain(0);
    if (result == -E2BIG) return entered;
    if (result != 0) return kNoAnswer;
  }
  return kNoAnswer;
}

}  // namespace

int CountLandlockDomains() {
  const auto [end, number] = AskInChild(EnterAllDomains, 0);
  if (end == ChildEnd::kFailed) return -number;
  if (end == ChildEnd::kEndedByFilter || number > kMostDomains) return -EOPNOTSUPP;
  return kMostDomains - number;
}

}  // namespace tracegate
