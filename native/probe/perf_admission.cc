#include "probe/perf_admission.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "probe/asking_child.h"
#include "probe/perf_event.h"
#include "probe/seccomp_gate.h"

namespace tracegate {
namespace {

// The exit code of a child that cannot take that capability set. Every errno is smaller.
constexpr int kNotPermitted = 255;

bool TakeEffective(int capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
  if (syscall(SYS_capget, &header, words) != 0) return false;
  words[0].effective = words[1].effective = 0;
  if (capability >= 0) words[capability / 32].effective = 1U << (capability % 32);
  return syscall(SYS_capset, &header, words) == 0;
}

int AskWith(int capability) {
  return TakeEffective(capability) ? AskPerfEventOpenOfNobody() : kNotPermitted;
}

}  // namespace

int PerfAdmits(int capability) {
  if (capability < -1 || capability > 63) return -EINVAL;
  const auto [gate, gate_error] = AskGate(Call::kPerfEventOpen);
  if (gate != Gate::kOpen) return gate_error == 0 ? -EPERM : -gate_error;
  const auto [end, number] = AskInChild(AskWith, capability);
  if (end == ChildEnd::kFailed) return -number;
  if (end == ChildEnd::kEndedByFilter || number == kNotPermitted) return -EPERM;
  if (number == ESRCH) return 1;
  return number == EACCES ? 0 : -(number == 0 ? EIO : number);
}

}  // namespace tracegate
