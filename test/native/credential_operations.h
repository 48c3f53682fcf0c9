#pragma once

#include <sys/types.h>

#include <cstdint>

#include "reply.h"

namespace actor {

// All of a thread's ids, by system calls that change no other thread's.

constexpr uint32_t kUnchanged = ~0U;

struct AllIds {
  uid_t real_uid, effective_uid, saved_uid, fs_uid;
  gid_t real_gid, effective_gid, saved_gid, fs_gid;
};

// As many of these as it may take, in this order: no supplementary groups, the ids, the two capability sets (of
// what it is permitted). Answers the first refusal; /proc shows the credentials that were taken.
Reply TakeCredentials(const AllIds& ids, uint64_t permitted, uint64_t effective);

}  // namespace actor
