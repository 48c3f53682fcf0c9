#include "syscall/landlock.h"

#include <errno.h>
#include <fcntl.h>

#include "syscall/result.h"
#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

namespace tracegate {
namespace {

// LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH, LANDLOCK_RESTRICT_SELF_TSYNC, LANDLOCK_ACCESS_FS_REFER.
constexpr unsigned kVersion = 1 << 0, kPathBeneath = 1, kAllThreads = 1 << 3;
constexpr uint64_t kRefer = 1 << 13;

// struct landlock_ruleset_attr. An older kernel takes the larger struct, if what it doesn't know is zero.
struct RulesetAttributes {
  uint64_t handled_fs, handled_net, scoped;
};

// struct landlock_path_beneath_attr.
struct [[gnu::packed]] PathBeneath {
  uint64_t allowed;
  int32_t parent_fd;
};

int AllowReferEverywhere(int ruleset) {
  const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return -errno;
  const PathBeneath everywhere = {kRefer, root.get()};
  return ToResult(syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &everywhere, 0));
}

}  // namespace

int LandlockAbi() {
  return ToResult(syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion));
}

int EnterLandlockDomain(uint64_t scopes, Threads threads) {
  const RulesetAttributes attributes = {scopes == 0 ? kRefer : 0, 0, scopes};
  const UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset) return -errno;
  if (scopes == 0) {
    if (const int result = AllowReferEverywhere(ruleset.get()); result < 0) return result;
  }
  const unsigned flags = threads == Threads::kAll ? kAllThreads : 0;
  return ToResult(syscall(SYS_landlock_restrict_self, ruleset.get(), flags));
}

}  // namespace tracegate
