#include "probe/security_modules.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "probe/seccomp_gate.h"
#include "syscall/result.h"
#include "syscall/syscall_numbers.h"

namespace tracegate {
namespace {

// include/uapi/linux/lsm.h: it always runs.
constexpr uint64_t kCapability = 100;

// The kernel has a good dozen.
using Ids = std::array<uint64_t, 64>;

int ListModules(Ids* ids) {
  uint32_t size = sizeof *ids;
  const long count = syscall(SYS_lsm_list_modules, ids->data(), &size, 0U);
  if (count < 0) return -errno;
  const auto end = ids->begin() + std::min(count, static_cast<long>(ids->size()));
  return std::find(ids->begin(), end, kCapability) == end ? -ENOSYS : static_cast<int>(end - ids->begin());
}

// 0, or -errno where the gate is closed, or may be.
int WhyClosed(Call call) {
  const auto [gate, error] = AskGate(call);
  if (gate == Gate::kOpen) return 0;
  return error == 0 ? -EPERM : -error;
}

}  // namespace

int AskLsmListModules() {
  Ids ids;
  return std::max(0, -ListModules(&ids));
}

int AskLandlock() {
  constexpr unsigned kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0UL, kVersion);
  if (version < 0) return errno;
  return version == 0 ? EPERM : 0;  // 0 is a filter's
}

int ListSecurityModules(std::vector<uint64_t>* ids) {
  if (const int closed = WhyClosed(Call::kLsmListModules); closed < 0) return closed;
  Ids all;
  const int count = ListModules(&all);
  if (count > 0) ids->assign(all.begin(), all.begin() + count);
  return count;
}

int LandlockRuns() {
  if (const int closed = WhyClosed(Call::kLandlockCreateRuleset); closed < 0) return closed;
  const int error = AskLandlock();
  if (error == 0) return 1;
  // Built without it, or left out of lsm=.
  return error == ENOSYS || error == EOPNOTSUPP ? 0 : -error;
}

}  // namespace tracegate
