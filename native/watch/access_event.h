#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tracegate {

// The numbers are those of lib/kernel/access-events.ts.
enum class EventKind : int { kAccess = 0, kEnd = 1, kDeclaration = 2, kLost = 3 };

enum class Way : int {
  kAttach = 0,
  kSeize = 1,
  kTraceme = 2,
  kProcessVmReadv = 3,
  kProcessVmWritev = 4,
  kMem = 5,
  kPidfdGetfd = 6,
  kKcmp = 7,
  kPerfEventOpen = 8,
  kRead = 9,
  kOther = 10,
};

// A thread at the moment of the event. -1, and no name: the thread had gone before a look at it.
struct ThreadFacts {
  pid_t pid = 0;
  pid_t tid = 0;
  int64_t start_time = -1;  // of the process: field 22 of /proc/PID/stat
  int64_t uid = -1;         // the effective one
  std::string comm;
};

// PR_SET_PTRACER's argument, where it is no pid.
constexpr pid_t kDeclaresNobody = 0;
constexpr pid_t kDeclaresAny = -1;
constexpr pid_t kDeclaresUnknown = -2;  // the number is that of another pid namespace

struct AccessEvent {
  EventKind kind = EventKind::kAccess;
  double time = 0;  // milliseconds since the epoch
  ThreadFacts tracer;  // of a declaration: `pid` is the declared one
  ThreadFacts target;  // of a declaration: the process that declares
  unsigned mode = 0;   // PTRACE_MODE_* of include/linux/ptrace.h
  Way way = Way::kOther;
  int decision = 0;  // 0 or -errno
  int error = 0;     // 0 or -errno: what the call returned
  // Of an access: what else the rules decide by, as it was then. -1: unknown.
  int is_descendant = -1;  // the target of the tracer: security/yama/yama_lsm.c, task_is_descendant()
  int shares_user_ns = -1;
  int64_t tracer_capabilities = -1;  // the effective ones
  int64_t lost = 0;  // -1: unknown
};

// A source of the kernel.
class AccessSource {
 public:
  virtual ~AccessSource() = default;

  // Readable when there are events.
  virtual int fd() const = 0;

  // Adds at most about `limit` events, without a wait. Returns 0 or -errno.
  virtual int Read(size_t limit, std::vector<AccessEvent>* events) = 0;
};

}  // namespace tracegate
