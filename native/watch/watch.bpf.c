// The kernel's decisions on accesses, as they are made. scripts/build/watch-program.mjs compiles this file into
// watch_program.h, which is checked in.
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "watch_record.h"

// The fields that are read. The kernel finds their places in its own types, so one program serves each release and CPU.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
  __u32 val;
} kuid_t;

// One number of 64 bits or two of 32, by the release.
typedef struct {
  __u64 bits;
} kernel_cap_t;

struct user_namespace;

struct cred {
  kuid_t euid;
  kernel_cap_t cap_effective;
  struct user_namespace *user_ns;
};

struct pid {
  unsigned int level;
};

struct task_struct {
  int pid;
  int tgid;
  __u64 start_boottime;
  char comm[16];
  struct task_struct *group_leader;
  struct task_struct *real_parent;
  struct task_struct *parent;
  const struct cred *real_cred;
  struct pid *thread_pid;
};

// The name before ___ counts.
struct pt_regs___x86 {
  unsigned long orig_ax;
};
struct thread_info___x86 {
  __u32 status;
};
struct task_struct___x86 {
  struct thread_info___x86 thread_info;
};

struct pt_regs___arm64 {
  __s32 syscallno;
};
struct thread_info___arm64 {
  unsigned long flags;
};
struct task_struct___arm64 {
  struct thread_info___arm64 thread_info;
};

#pragma clang attribute pop

// include/linux/ptrace.h
#define PTRACE_MODE_ATTACH 0x02
#define PTRACE_MODE_NOAUDIT 0x04
#define PTRACE_MODE_ATTACH_REALCREDS 0x12
// include/uapi/linux/prctl.h
#define PR_SET_PTRACER 0x59616d61
// arch/x86/include/asm/thread_info.h, arch/arm64/include/asm/thread_info.h
#define TS_COMPAT 0x0002
#define TIF_32BIT 22
#define X32_SYSCALL_BIT 0x40000000

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4 << 20);
} events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct watch_state);
} state SEC(".maps");

struct decision {
  __u32 is_made;
  __s32 value;
};

// The threads inside of ptrace_attach(), with the decision once it is made.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, __u32);
  __type(value, struct decision);
} attaching SEC(".maps");

static __always_inline struct watch_state *the_state(void) {
  __u32 key = 0;
  return bpf_map_lookup_elem(&state, &key);
}

static __always_inline void write_thread(struct watch_thread *thread, struct task_struct *task) {
  thread->pid = task->tgid;
  thread->tid = task->pid;
  thread->start_boottime = task->group_leader->start_boottime;
  thread->uid = task->real_cred->euid.val;
  bpf_probe_read_kernel(thread->comm, sizeof thread->comm, task->comm);
}

#define MOST_ANCESTORS 64

// security/yama/yama_lsm.c, task_is_descendant(): 1, 0, or -1 where the target has too many ancestors.
static __always_inline int is_descendant(struct task_struct *tracer, struct task_struct *target) {
  struct task_struct *walker = target;
  for (int at = 0; at < MOST_ANCESTORS; ++at) {
    int tgid = walker->tgid;
    if (tgid == tracer->tgid) return 1;
    if (tgid <= 0) return 0;
    walker = walker->real_parent;
  }
  return -1;
}

static __always_inline void write_relation(struct watch_record *record, struct task_struct *tracer,
                                           struct task_struct *target) {
  const struct cred *cred = tracer->real_cred;
  record->is_descendant = is_descendant(tracer, target);
  record->shares_user_ns = cred->user_ns == target->real_cred->user_ns;
  bpf_probe_read_kernel(&record->tracer_capabilities, sizeof record->tracer_capabilities, &cred->cap_effective);
}

static __always_inline struct watch_record *new_record(struct watch_state *s, __u32 kind, struct task_struct *tracer,
                                                       struct task_struct *target) {
  struct watch_record *record = bpf_ringbuf_reserve(&events, sizeof *record, 0);
  if (!record) {
    __sync_fetch_and_add(&s->lost, 1);
    return 0;
  }
  __builtin_memset(record, 0, sizeof *record);
  record->time = bpf_ktime_get_ns();
  record->kind = kind;
  if (tracer) write_thread(&record->tracer, tracer);
  write_thread(&record->target, target);
  return record;
}

static __always_inline int is_compat(struct task_struct *task) {
  struct task_struct___x86 *x86 = (void *)task;
  struct task_struct___arm64 *arm64 = (void *)task;
  if (bpf_core_field_exists(x86->thread_info.status)) return (x86->thread_info.status & TS_COMPAT) != 0;
  return (arm64->thread_info.flags >> TIF_32BIT) & 1;
}

static __always_inline __s32 call_number(struct task_struct *task) {
  struct pt_regs___x86 *x86 = (void *)bpf_task_pt_regs(task);
  struct pt_regs___arm64 *arm64 = (void *)x86;
  if (bpf_core_field_exists(x86->orig_ax)) return (__s32)x86->orig_ax & ~X32_SYSCALL_BIT;
  return arm64->syscallno;
}

static __always_inline int is_of_interest(struct watch_state *s, __u32 mode, __s32 call, int compat, int own_tgid) {
  if (mode & PTRACE_MODE_ATTACH) return 1;
  if (call == s->kcmp[compat] || call == s->perf_event_open[compat]) return 1;
  // NOAUDIT: the kernel asks whether to show addresses in /proc/PID/stat, and shows the file in any case.
  return s->reads && !(mode & PTRACE_MODE_NOAUDIT) && own_tgid != s->self;
}

SEC("fexit/__ptrace_may_access")
int BPF_PROG(decided, struct task_struct *target, unsigned int mode, int decision) {
  struct watch_state *s = the_state();
  struct task_struct *tracer = bpf_get_current_task_btf();
  if (!s || target->tgid == tracer->tgid || (s->pid && target->tgid != s->pid)) return 0;
  __u32 tid = tracer->pid;
  struct decision *attach = bpf_map_lookup_elem(&attaching, &tid);
  if (attach) {
    attach->is_made = 1;
    attach->value = decision;
    return 0;
  }
  __s32 call = call_number(tracer);
  int compat = is_compat(tracer) & 1;
  if (!is_of_interest(s, mode, call, compat, tracer->tgid)) return 0;
  struct watch_record *record = new_record(s, WATCH_ACCESS, tracer, target);
  if (!record) return 0;
  record->mode = mode;
  record->decision = decision;
  record->call = call;
  record->is_compat = compat;
  write_relation(record, tracer, target);
  bpf_ringbuf_submit(record, 0);
  return 0;
}

SEC("fentry/ptrace_attach")
int BPF_PROG(attach_begins) {
  __u32 tid = (__u32)bpf_get_current_pid_tgid();
  struct decision none = {};
  bpf_map_update_elem(&attaching, &tid, &none, BPF_ANY);
  return 0;
}

SEC("fexit/ptrace_attach")
int BPF_PROG(attach_is_over, struct task_struct *target, long request, unsigned long addr, unsigned long flags,
             int error) {
  struct watch_state *s = the_state();
  struct task_struct *tracer = bpf_get_current_task_btf();
  __u32 tid = tracer->pid;
  struct decision *attach = bpf_map_lookup_elem(&attaching, &tid);
  if (!attach) return 0;
  struct decision decision = *attach;
  bpf_map_delete_elem(&attaching, &tid);
  // A call that fails before the decision says nothing about the rules.
  if (!s || !decision.is_made) return 0;
  struct watch_record *record = new_record(s, WATCH_ATTACH, tracer, target);
  if (!record) return 0;
  record->mode = PTRACE_MODE_ATTACH_REALCREDS;
  record->decision = decision.value;
  record->error = error;
  record->call = (__s32)request;
  write_relation(record, tracer, target);
  bpf_ringbuf_submit(record, 0);
  return 0;
}

// PTRACE_TRACEME succeeds if this check does: kernel/ptrace.c, ptrace_traceme().
SEC("fexit/security_ptrace_traceme")
int BPF_PROG(traceme_decided, struct task_struct *parent, int decision) {
  struct watch_state *s = the_state();
  struct task_struct *target = bpf_get_current_task_btf();
  if (!s || (s->pid && target->tgid != s->pid)) return 0;
  struct watch_record *record = new_record(s, WATCH_TRACEME, parent, target);
  if (!record) return 0;
  record->mode = PTRACE_MODE_ATTACH_REALCREDS;
  record->decision = decision;
  write_relation(record, parent, target);
  bpf_ringbuf_submit(record, 0);
  return 0;
}

// Each end: a detach, the end of the tracer, the end of the target.
SEC("fentry/__ptrace_unlink")
int BPF_PROG(attach_ends, struct task_struct *target) {
  struct watch_state *s = the_state();
  if (!s || (s->pid && target->tgid != s->pid)) return 0;
  struct watch_record *record = new_record(s, WATCH_END, target->parent, target);
  if (record) bpf_ringbuf_submit(record, 0);
  return 0;
}

SEC("fexit/security_task_prctl")
int BPF_PROG(prctl_handled, int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5,
             int error) {
  struct watch_state *s = the_state();
  struct task_struct *process = bpf_get_current_task_btf();
  if (!s || option != PR_SET_PTRACER || error || (s->pid && process->tgid != s->pid)) return 0;
  struct watch_record *record = new_record(s, WATCH_DECLARATION, 0, process);
  if (!record) return 0;
  record->declared = (__s64)arg2;
  record->is_nested = process->thread_pid->level != 0;
  bpf_ringbuf_submit(record, 0);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
