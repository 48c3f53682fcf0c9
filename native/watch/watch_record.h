// What watch.bpf.c and bpf_source.cc share: C for both.
#pragma once

#include <linux/types.h>

enum watch_kind {
  WATCH_ACCESS,       // the kernel decided
  WATCH_ATTACH,       // the kernel decided on PTRACE_ATTACH or PTRACE_SEIZE, and the call is over
  WATCH_TRACEME,
  WATCH_END,          // of an attach
  WATCH_DECLARATION,  // PR_SET_PTRACER succeeded
};

struct watch_thread {
  __s32 pid;
  __s32 tid;
  __u64 start_boottime;  // of the process, in nanoseconds
  __u32 uid;
  char comm[16];
};

struct watch_record {
  __u64 time;  // CLOCK_MONOTONIC, in nanoseconds
  __u32 kind;
  __u32 mode;      // PTRACE_MODE_*
  __s32 decision;  // 0 or -errno
  __s32 error;     // of an attach: 0 or -errno
  __s32 call;      // the number of the system call; of an attach: PTRACE_ATTACH or PTRACE_SEIZE
  __u32 is_compat; // the number is that of a 32-bit call
  __s64 declared;  // the argument of PR_SET_PTRACER
  __u32 is_nested; // the declaring process is in a pid namespace of its own
  // Of an access: at the decision.
  __s32 is_descendant;  // the target of the tracer, as Yama means it; -1: unknown
  __u32 shares_user_ns;
  __u64 tracer_capabilities;  // effective ones
  struct watch_thread tracer;
  struct watch_thread target;
};

// One value, which both sides map. The kernel writes `lost`, and the reader what comes before the programs are attached.
struct watch_state {
  __u64 lost;
  __u32 reads;  // whether PTRACE_MODE_READ is of interest
  __s32 pid;    // the only target, or 0
  __s32 self;   // whose own reads are left out
  // These calls ask for PTRACE_MODE_READ, and are of interest all the same: [is_compat].
  __s32 kcmp[2];
  __s32 perf_event_open[2];
};
