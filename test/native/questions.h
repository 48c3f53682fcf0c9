#pragma once

#include <sys/types.h>

#include <vector>

#include "reply.h"

namespace actor {

enum class AttachBy { kAttach, kSeize };

// The access of the calling thread to each of these, by the system calls themselves. The value has eight answers
// for each, "ATTACH,READV,GETFD,MEM,READ,ENVIRON,KCMP,PERF", joined by "/": an errno, or "=WORD" with what was read.
Reply AskAboutEach(const std::vector<pid_t>& pids, AttachBy by);

// The product's answers to the same questions in the calling thread. The value has four answers for each,
// "ATTACH,READV,GETFD,KCMP", joined by "/": "ERRNO:CALL", the call as tracegate::PackAnsweringCall() packs it.
Reply AskProductAboutEach(const std::vector<pid_t>& pids);

}  // namespace actor
