#pragma once

#include <sys/types.h>

#include <vector>

#include "reply.h"

namespace actor {

enum class AttachBy { kAttach, kSeize };

// What a process may do to each of these: attach, process_vm_readv, /proc/PID/environ, perf_event_open. The value has
// four answers for each, "ATTACH,READV,ENVIRON,PERF", joined by "/": an errno, or "=WORD" with what was read.
Reply AskAboutEach(const std::vector<pid_t>& pids, AttachBy by);

}  // namespace actor
