#pragma once

#include <sys/types.h>

#include <cstdint>

#include "reply.h"

namespace actor {

// Operations of a process on itself.

struct Ids {
  uid_t real, effective, saved;
  gid_t gid;
  uint64_t capabilities;  // permitted and effective; kAllCapabilities: as many as it has
};
constexpr uint64_t kAllCapabilities = ~0ULL;

// The ids for good, no supplementary group, exactly these capabilities. Dumpable is fs.suid_dumpable
// afterwards, if an id changed (kernel/cred.c, commit_creds), so it has to be set again.
Reply Become(const Ids& ids);

Reply SetDumpable(unsigned long dumpable);   // PR_SET_DUMPABLE; brings PR_GET_DUMPABLE
Reply SetPtracer(unsigned long tracer);      // PR_SET_PTRACER
Reply BecomeSubreaper();                     // PR_SET_CHILD_SUBREAPER
Reply AwaitEnd(pid_t child, bool and_reap);  // a zombie, or nothing

// Until the first thread of this process has ended; asked by another.
Reply AwaitLeader();

// From now on process_vm_readv answers EPERM, whatever it is asked: a seccomp filter, as a container has one.
Reply FilterProcessVmReadv();

// Executes this program again; answers when it failed. The new program answers on `channel` when it runs.
Reply ExecuteAgain(int channel);

// The same through $TRACEGATE_ACTOR_LAUNCHER, by its option --confine. The pid stays the same.
Reply ExecuteConfined(int channel);

// The same with the file `program-NUMBER` in $TRACEGATE_ACTOR_COPIES.
Reply ExecuteCopy(uint64_t number, int channel);

}  // namespace actor
