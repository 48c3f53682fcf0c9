#include "helper/credentials.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tracegate {
namespace {

bool HasIds(uid_t uid, gid_t gid) {
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  return getresuid(&real, &effective, &saved) == 0 &&
         getresgid(&real_group, &effective_group, &saved_group) == 0 && real == uid && effective == uid &&
         saved == uid && real_group == gid && effective_group == gid && saved_group == gid;
}

long SetCapabilities(uint64_t set) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  data[0].permitted = data[0].effective = static_cast<uint32_t>(set);
  data[1].permitted = data[1].effective = static_cast<uint32_t>(set >> 32);
  return syscall(SYS_capset, &header, data);
}

}  // namespace

BecomeResult Become(const Credentials& credentials) {
  const auto [uid, gid, capabilities] = credentials;
  if (!HasIds(uid, gid)) {
    if (setgroups(0, nullptr) != 0) return {errno, "setgroups"};
    if (setresgid(gid, gid, gid) != 0) return {errno, "setresgid"};
    // A change from uid 0 clears the permitted set (security/commoncap.c, cap_emulate_setxuid), unless PR_SET_KEEPCAPS
    // is set.
    if (prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL) != 0) return {errno, "prctl"};
    if (setresuid(uid, uid, uid) != 0) return {errno, "setresuid"};
  }
  if (SetCapabilities(capabilities) != 0) return {errno, "capset"};
  return {0, nullptr};
}

}  // namespace tracegate
