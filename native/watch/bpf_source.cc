#include "watch/bpf_source.h"

#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "proc/process_directory.h"
#include "syscall/unique_shared_mapping.h"
#include "syscall/syscall_numbers.h"
#include "watch/bpf_loader.h"
#include "watch/event_time.h"
#include "watch/ring_buffer.h"
#include "watch/watch_program.h"
#include "watch/watch_record.h"

namespace tracegate {
namespace {

// PTRACE_MODE_* of include/linux/ptrace.h.
constexpr unsigned kModeAttach = 0x02;
constexpr unsigned kModeFscreds = 0x08;

// Of `events` in watch.bpf.c.
constexpr size_t kRingSize = 4 << 20;

// Calls by number, for programs of 64 and of 32 bits: arch/x86/entry/syscalls/, arch/arm/tools/syscall.tbl.
struct Call {
  int number[2];
  Way way;
};

#if defined(__x86_64__)
constexpr int kKcmp32 = 349, kPerfEventOpen32 = 336, kPtrace32 = 26, kOpen32 = 5, kOpenat32 = 295;
constexpr int kProcessVmReadv32 = 347, kProcessVmWritev32 = 348;
constexpr int kOpen = SYS_open;
#else
constexpr int kKcmp32 = 378, kPerfEventOpen32 = 364, kPtrace32 = 26, kOpen32 = 5, kOpenat32 = 322;
constexpr int kProcessVmReadv32 = 376, kProcessVmWritev32 = 377;
constexpr int kOpen = -1;
#endif
constexpr int kOpenat2 = 437;

constexpr Call kCalls[] = {
    {{SYS_ptrace, kPtrace32}, Way::kAttach},
    {{SYS_process_vm_readv, kProcessVmReadv32}, Way::kProcessVmReadv},
    {{SYS_process_vm_writev, kProcessVmWritev32}, Way::kProcessVmWritev},
    {{SYS_pidfd_getfd, SYS_pidfd_getfd}, Way::kPidfdGetfd},
    {{SYS_kcmp, kKcmp32}, Way::kKcmp},
    {{SYS_perf_event_open, kPerfEventOpen32}, Way::kPerfEventOpen},
};
constexpr int kOpenings[][2] = {{kOpen, kOpen32}, {SYS_openat, kOpenat32}, {kOpenat2, kOpenat2}};

// Of the files of /proc only mem demands the right to attach at its opening: fs/proc/base.c, mem_open(). The others, such
// as stack, demand it at each read.
Way WayOfFile(const watch_record& record) {
  if ((record.mode & kModeAttach) == 0) return Way::kRead;
  for (const auto& opening : kOpenings) {
    if (record.call == opening[record.is_compat & 1]) return Way::kMem;
  }
  return Way::kOther;
}

Way WayOf(const watch_record& record) {
  if (record.kind == WATCH_TRACEME) return Way::kTraceme;
  if (record.kind == WATCH_ATTACH) return record.call == PTRACE_ATTACH ? Way::kAttach : Way::kSeize;
  if (record.mode & kModeFscreds) return WayOfFile(record);
  for (const Call& call : kCalls) {
    if (record.call == call.number[record.is_compat & 1]) return call.way;
  }
  return Way::kOther;
}

// What a refused call returns: mm/process_vm_access.c, kernel/pid.c, kernel/kcmp.c have EPERM, whatever the decision was;
// kernel/fork.c, mm_access(), and kernel/events/core.c, perf_check_permission(), have EACCES.
int ErrorOf(const watch_record& record, Way way) {
  switch (way) {
    case Way::kAttach:
    case Way::kSeize:
      return record.kind == WATCH_ATTACH ? record.error : record.decision;
    case Way::kProcessVmReadv:
    case Way::kProcessVmWritev:
    case Way::kPidfdGetfd:
    case Way::kKcmp:
      return record.decision == 0 ? 0 : -EPERM;
    case Way::kMem:
    case Way::kPerfEventOpen:
      return record.decision == 0 ? 0 : -EACCES;
    default:
      return record.decision;
  }
}

// Field 22 of stat counts ticks: fs/proc/array.c, nsec_to_clock_t().
int64_t TicksOf(uint64_t nanoseconds) {
  return static_cast<int64_t>(nanoseconds / (1000000000 / static_cast<uint64_t>(sysconf(_SC_CLK_TCK))));
}

ThreadFacts ToFacts(const watch_thread& thread) {
  ThreadFacts facts;
  facts.pid = thread.pid;
  facts.tid = thread.tid;
  facts.start_time = TicksOf(thread.start_boottime);
  facts.uid = thread.uid;
  facts.comm.assign(thread.comm, strnlen(thread.comm, sizeof thread.comm));
  return facts;
}

pid_t DeclaredBy(const watch_record& record) {
  if (record.declared == 0) return kDeclaresNobody;
  if (record.declared == -1) return kDeclaresAny;
  return record.is_nested ? kDeclaresUnknown : static_cast<pid_t>(record.declared);
}

AccessEvent ToEvent(const watch_record& record, const EventClock& clock) {
  AccessEvent event;
  event.time = clock.TimeOf(record.time);
  event.target = ToFacts(record.target);
  if (record.kind == WATCH_DECLARATION) {
    event.kind = EventKind::kDeclaration;
    event.tracer.pid = DeclaredBy(record);
    return event;
  }
  event.tracer = ToFacts(record.tracer);
  if (record.kind == WATCH_END) {
    event.kind = EventKind::kEnd;
    return event;
  }
  event.mode = record.mode;
  event.way = WayOf(record);
  event.decision = record.decision;
  event.error = ErrorOf(record, event.way);
  event.is_descendant = record.is_descendant;
  event.shares_user_ns = static_cast<int>(record.shares_user_ns);
  event.tracer_capabilities = static_cast<int64_t>(record.tracer_capabilities);
  return event;
}

bool IsInInitialPidNamespace() {
  constexpr ino_t kInitial = 0xeffffffc;  // PROC_PID_INIT_INO of include/linux/proc_ns.h
  struct stat status;
  return ProcessDirectory::OfSelf().Stat("ns/pid", &status) == 0 && status.st_ino == kInitial;
}

class BpfSource : public AccessSource {
 public:
  int Open(bool reads, pid_t pid) {
    if (!IsInInitialPidNamespace()) return -EXDEV;
    int result = LoadBpf({kWatchData, sizeof kWatchData, kWatchLoader, sizeof kWatchLoader, kWatchMaps, kWatchPrograms},
                         &object_);
    if (result == 0) result = ring_.Map(object_.maps[kEventsMap], kRingSize);
    if (result == 0) result = state_.Map(object_.maps[kStateMap], 0, sizeof(watch_state), PROT_READ | PROT_WRITE);
    if (result < 0) return result;
    *State() = {0, reads, pid, getpid(), {SYS_kcmp, kKcmp32}, {SYS_perf_event_open, kPerfEventOpen32}};
    for (const UniqueFd& program : object_.programs) {
      UniqueFd link;
      result = AttachBpf(program, &link);
      if (result < 0) return result;
      links_.push_back(std::move(link));
    }
    return 0;
  }

  int fd() const override { return object_.maps[kEventsMap].get(); }

  int Read(size_t limit, std::vector<AccessEvent>* events) override {
    const EventClock clock;
    while (events->size() < limit) {
      const void* const record = ring_.Next();
      if (record == nullptr) break;
      events->push_back(ToEvent(*static_cast<const watch_record*>(record), clock));
      ring_.Release();
    }
    const uint64_t lost = __atomic_load_n(&State()->lost, __ATOMIC_RELAXED);
    if (lost != reported_) {
      AccessEvent event;
      event.kind = EventKind::kLost;
      event.time = clock.Now();
      event.lost = static_cast<int64_t>(lost - reported_);
      events->push_back(std::move(event));
      reported_ = lost;
    }
    return 0;
  }

 private:
  watch_state* State() const { return static_cast<watch_state*>(state_.get()); }

  BpfObject object_;
  std::vector<UniqueFd> links_;
  RingBuffer ring_;
  UniqueSharedMapping state_;  // the value of the map `state`
  uint64_t reported_ = 0;
};

}  // namespace

int OpenBpfSource(bool reads, pid_t pid, std::unique_ptr<AccessSource>* source) {
  auto opened = std::make_unique<BpfSource>();
  const int result = opened->Open(reads, pid);
  if (result < 0) return result;
  *source = std::move(opened);
  return 0;
}

}  // namespace tracegate
