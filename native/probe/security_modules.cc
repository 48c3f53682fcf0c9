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

// LSM_ID_CAPABILITY, include/uapi/linux/lsm.h: this module always runs.
constexpr uint64_t kCapability = 100;

// The kernel has a good dozen modules.
using Ids = std::array<uint64_t, 64>;

int ListModules(Ids* ids) {
  uint32_t size = sizeof *ids;
  const long count = syscall(SYS_lsm_list_modules, ids->data(), &size, 0U);
  if (count < 0) return -errno;
  const auto end = ids->begin() + std::min(count, static_cast<long>(ids->size()));
  return std::find(ids->begin(), end, kCapability) == end ? -ENOSYS : static_cast<int>(end - ids->begin());
}

// Returns 0 if the gate is open, or -errno.
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
  return version == 0 ? EPERM : 0;  // the kernel never answers 0: a filter did
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
  // The kernel is built without Landlock, or lsm= leaves Landlock out.
  return error == ENOSYS || error == EOPNOTSUPP ? 0 : -error;
}

}  // namespace tracegate
