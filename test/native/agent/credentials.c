// Changes of a thread's own credentials. System calls change those of the calling thread only.
#include <linux/capability.h>
#include <linux/prctl.h>

#include "parts.h"
#include "system.h"

long AgentRaise(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct words[2];
  const long got = System3(SYS_capget, (long)&header, (long)words, 0);
  if (got < 0) return got;
  for (int word = 0; word < 2; ++word) words[word].effective = words[word].permitted;
  return System3(SYS_capset, (long)&header, (long)words, 0);
}

long AgentTakeIds(long uid, long gid) {
  // CAP_SETGID may be there to be had; without any this changes nothing.
  long result = AgentRaise();
  if (result == 0) result = System3(SYS_setresgid, gid, gid, gid);
  // Leaving uid 0 would clear the permitted set (security/commoncap.c, cap_emulate_setxuid).
  if (result == 0) result = System4(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0);
  if (result == 0) result = System3(SYS_setresuid, uid, uid, uid);
  return result == 0 ? AgentRaise() : result;
}
