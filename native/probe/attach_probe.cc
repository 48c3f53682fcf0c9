#include "probe/attach_probe.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe/access_calls.h"
#include "syscall/blocked_signals.h"

#ifndef __WNOTHREAD
#define __WNOTHREAD 0x20000000
#endif

namespace tracegate {
namespace {

constexpr size_t kStackSize = 256 * 1024;

struct Tracer {
  pid_t target;
  pid_t tid;
  int error;
};

// The whole life of the tracer thread. The thread may be cancelled at any point, so the thread owns nothing.
void* Seize(void* argument) {
  auto* tracer = static_cast<Tracer*>(argument);
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
  tracer->tid = static_cast<pid_t>(syscall(SYS_gettid));
  tracer->error = ptrace(PTRACE_SEIZE, tracer->target, nullptr, nullptr) == 0 ? 0 : errno;
  return nullptr;
}

int Start(pthread_t* thread, Tracer* tracer) {
  pthread_attr_t attributes;
  if (const int error = pthread_attr_init(&attributes)) return error;
  int error = pthread_attr_setstacksize(&attributes, kStackSize);
  if (error == 0) {
    BlockedSignals blocked;
    error = pthread_create(thread, &attributes, Seize, tracer);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

// Locks of the whole process: two of its threads must not seize one target at the same time. Targets share 64 locks, so
// a target that is stuck in execve delays only the targets with the same lock.
std::timed_mutex& SeizesOf(pid_t pid) {
  static std::timed_mutex locks[64];
  return locks[static_cast<unsigned>(pid) % 64];
}

timespec After(std::chrono::milliseconds limit) {
  timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  const auto nanoseconds = std::chrono::nanoseconds(limit).count() + deadline.tv_nsec;
  deadline.tv_sec += nanoseconds / 1000000000;
  deadline.tv_nsec = nanoseconds % 1000000000;
  return deadline;
}

// pthread_join() returns after the thread has given up its memory, but before the kernel detaches its targets. The
// kernel frees the thread id last, after exit_ptrace (kernel/exit.c, exit_notify). So the target is untraced once the
// id is gone.
void WaitUntilGone(pid_t tid) {
  const pid_t group = getpid();
  while (syscall(SYS_tgkill, group, tid, 0) == 0) sched_yield();
}

}  // namespace

bool IsPtraceHeard(pid_t pid) {
  return AskPtrace(pid) == 0;
}

std::unique_lock<std::timed_mutex> HoldSeizesOff(pid_t pid, std::chrono::milliseconds limit) {
  return std::unique_lock<std::timed_mutex>(SeizesOf(pid), limit);
}

Answer ProbeSeize(pid_t pid, std::chrono::milliseconds limit) {
  const auto alone = HoldSeizesOff(pid, limit);
  if (!alone) return {ETIMEDOUT, AnsweringCall::kNone};
  Tracer tracer = {pid, 0, ETIMEDOUT};
  pthread_t thread;
  if (const int error = Start(&thread, &tracer)) return {error, AnsweringCall::kNone};

  const timespec deadline = After(limit);
  if (pthread_timedjoin_np(thread, nullptr, &deadline) != 0) {
    pthread_cancel(thread);
    pthread_join(thread, nullptr);
  }
  WaitUntilGone(tracer.tid);

  if (tracer.error == ETIMEDOUT) return {ETIMEDOUT, AnsweringCall::kNone};
  const bool heard = tracer.error == 0 || tracer.error == ESRCH || IsPtraceHeard(pid);
  return {tracer.error, heard ? AnsweringCall::kPtrace : AnsweringCall::kNone};
}

Parent ParentOf(pid_t pid) {
  // WNOWAIT and WNOHANG leave the child's state for the real waiter. __WNOTHREAD selects the children that this very
  // thread forked (kernel/exit.c, do_wait).
  const auto is_child = [pid](int threads) {
    siginfo_t info;
    return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT | __WALL | threads) == 0;
  };
  if (is_child(__WNOTHREAD)) return Parent::kThisThread;
  return is_child(0) ? Parent::kOtherThread : Parent::kElsewhere;
}

}  // namespace tracegate
