#include "credential_operations.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace actor {

namespace {

class FirstRefusal {
 public:
  void Note(long returned) {
    if (returned < 0 && reply_.error == 0) reply_ = Failed();
  }
  Reply reply() const { return reply_; }

 private:
  Reply reply_ = {0, ""};
};

long SetCapabilities(uint64_t permitted, uint64_t effective) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2] = {};
  if (syscall(SYS_capget, &header, words) != 0) return -1;
  for (int word = 0; word < 2; ++word) {
    auto& set = words[word];
    set.permitted &= static_cast<uint32_t>(permitted >> (32 * word));
    set.effective = set.permitted & static_cast<uint32_t>(effective >> (32 * word));
    set.inheritable = 0;
  }
  return syscall(SYS_capset, &header, words);
}

}  // namespace

Reply TakeCredentials(const AllIds& ids, uint64_t permitted, uint64_t effective) {
  FirstRefusal refusal;
  // The C library's functions would change every thread. A namespace without a gid map refuses setgroups.
  syscall(SYS_setgroups, 0, nullptr);
  refusal.Note(syscall(SYS_setresgid, ids.real_gid, ids.effective_gid, ids.saved_gid));
  if (ids.fs_gid != kUnchanged) syscall(SYS_setfsgid, ids.fs_gid);
  // Leaving uid 0 would clear the permitted set (security/commoncap.c, cap_emulate_setxuid).
  refusal.Note(prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL));
  refusal.Note(syscall(SYS_setresuid, ids.real_uid, ids.effective_uid, ids.saved_uid));
  if (ids.fs_uid != kUnchanged) syscall(SYS_setfsuid, ids.fs_uid);
  refusal.Note(SetCapabilities(permitted, effective));
  return refusal.reply();
}

}  // namespace actor
