#include "confinement_operations.h"

#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vector>

#include "syscall/syscall_numbers.h"
#include "syscall/unique_fd.h"

#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

namespace actor {

namespace {

constexpr long kFilterable[] = {SYS_ptrace,      SYS_process_vm_readv, SYS_pidfd_open,
                                SYS_pidfd_getfd, SYS_kcmp,             SYS_perf_event_open};

}  // namespace

Reply SetNoNewPrivs() {
  return ReplyTo(prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL));
}

Reply RefuseCalls(int error, uint64_t calls) {
  std::vector<sock_filter> program = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  uint64_t bit = 1;
  for (const long number : kFilterable) {
    if ((calls & bit) != 0) {
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(number), 0, 1));
      program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error)));
    }
    bit <<= 1;
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  return ReplyTo(prctl(PR_SET_SECCOMP, static_cast<unsigned long>(SECCOMP_MODE_FILTER), &filter, 0UL, 0UL));
}

Reply EnterLandlockDomain() {
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK;
  // Of the first version of the interface: an older kernel refuses a longer one.
  const size_t size = sizeof attributes.handled_access_fs;
  tracegate::UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  return ruleset ? ReplyTo(syscall(SYS_landlock_restrict_self, ruleset.get(), 0)) : Failed();
}

}  // namespace actor
