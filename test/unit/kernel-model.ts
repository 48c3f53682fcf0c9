/*
 * The kernel's access check a second time, as an oracle: its C functions line by line, over facts that are all known, and
 * with only two answers. The names are the kernel's, so that the two can be laid side by side (v6.18; the decisions of
 * the functions haven't changed since v4.18, except where noted).
 */

export interface UserNamespace {
  parent: UserNamespace | null;
  level: number;
  owner: number;
  /** make_kuid(ns, 0), or GLOBAL_ROOT_UID if it has no 0 */
  zero: number;
}

export interface Cred {
  uid: number;
  euid: number;
  suid: number;
  fsuid: number;
  gid: number;
  egid: number;
  sgid: number;
  fsgid: number;
  user_ns: UserNamespace;
  cap_permitted: bigint;
  cap_effective: bigint;
}

export interface Mm {
  dumpable: 0 | 1 | 2;
  user_ns: UserNamespace;
}

export interface Task {
  pid: number;
  group_leader: Task;
  real_parent: Task;
  cred: Cred;
  mm: Mm | null;
  is_kthread: boolean;
  exit_state: boolean;
  /** Since 2026: that it was dumpable when it gave up its memory. */
  user_dumpable: boolean;
  /** `parent` while `ptrace` is set */
  ptracer: Task | null;
}

export interface Kernel {
  /** Null: without Yama. */
  ptrace_scope: number | null;
  /** By the thread-group leader; null is PR_SET_PTRACER_ANY. */
  ptracer_relations: Map<Task, Task | null>;
  init_user_ns: UserNamespace;
  /** Whether it looks at the former memory (task_still_dumpable(), since the fix of CVE-2026-46333). */
  remembers_dumpable: boolean;
  /** Whether may_access_mm() asks perfmon_capable(): v6.12 doesn't, v6.18 does. */
  perfmon_reads_memory: boolean;
  /** Whether perf_check_permission() asks perfmon_capable(): since v5.9. */
  perfmon_profiles: boolean;
  /** CONFIG_PERF_EVENTS */
  has_perf_events: boolean;
  /** Of Debian's and Ubuntu's patches at the running sysctl: perf_paranoid_any(), and which capability lifts it. */
  perf_paranoid_any: null | 'perfmon_capable' | 'CAP_SYS_ADMIN';
  /** security_perf_event_open() */
  perf_hook_refuses: boolean;
  /** security_capable() of another module than commoncap, if a policy denies CAP_PERFMON and CAP_SYS_ADMIN */
  policy_withholds: boolean;
  /** kuid_has_mapping() and kgid_has_mapping() of the file's owner in the caller's user namespace. */
  maps_owner: boolean;
  landlock_refuses: boolean;
  policy_refuses: boolean;
}

export interface Mode {
  access: 'READ' | 'ATTACH';
  creds: 'FSCREDS' | 'REALCREDS';
}

// include/uapi/linux/capability.h
const CAP_DAC_OVERRIDE = 1;
const CAP_DAC_READ_SEARCH = 2;
const CAP_SYS_PTRACE = 19;
const CAP_SYS_ADMIN = 21;
const CAP_PERFMON = 38;

const thread_group_leader = (task: Task) => task.group_leader === task;
const same_thread_group = (a: Task, b: Task) => a.group_leader === b.group_leader;
const cap_raised = (set: bigint, cap: number) => ((set >> BigInt(cap)) & 1n) === 1n;
const cap_issubset = (a: bigint, set: bigint) => (a & ~set) === 0n;

/** security/commoncap.c, with true where the kernel returns 0 */
export function cap_capable(cred: Cred, targ_ns: UserNamespace, cap: number): boolean {
  for (let ns = targ_ns; ; ) {
    if (ns === cred.user_ns) return cap_raised(cred.cap_effective, cap);
    if (ns.level <= cred.user_ns.level) return false;
    if (ns.parent === cred.user_ns && ns.owner === cred.euid) return true;
    ns = ns.parent!;
  }
}

/** security/commoncap.c */
export function cap_ptrace_access_check(current: Task, child: Task, mode: Mode): boolean {
  const { cred } = current;
  const child_cred = child.cred;
  const caller_caps = mode.creds === 'FSCREDS' ? cred.cap_effective : cred.cap_permitted;
  if (cred.user_ns === child_cred.user_ns && cap_issubset(child_cred.cap_permitted, caller_caps)) return true;
  return cap_capable(cred, child_cred.user_ns, CAP_SYS_PTRACE);
}

/** security/commoncap.c */
export function cap_ptrace_traceme(current: Task, parent: Task): boolean {
  const { cred } = parent;
  const child_cred = current.cred;
  if (cred.user_ns === child_cred.user_ns && cap_issubset(child_cred.cap_permitted, cred.cap_permitted))
    return true;
  return cap_capable(cred, child_cred.user_ns, CAP_SYS_PTRACE);
}

/** security/yama/yama_lsm.c */
export function task_is_descendant(parent: Task | null, child: Task | null): boolean {
  if (!parent || !child) return false;
  if (!thread_group_leader(parent)) parent = parent.group_leader;
  let walker = child;
  while (walker.pid > 0) {
    if (!thread_group_leader(walker)) walker = walker.group_leader;
    if (walker === parent) return true;
    walker = walker.real_parent;
  }
  return false;
}

/** security/yama/yama_lsm.c */
export function ptracer_exception_found(kernel: Kernel, tracer: Task, tracee: Task): boolean {
  const parent = tracee.ptracer;
  if (parent !== null && same_thread_group(parent, tracer)) return true;
  if (!thread_group_leader(tracee)) tracee = tracee.group_leader;
  const relation = kernel.ptracer_relations.get(tracee);
  return relation !== undefined && (relation === null || task_is_descendant(relation, tracer));
}

/** security/yama/yama_lsm.c */
export function yama_ptrace_access_check(kernel: Kernel, current: Task, child: Task, mode: Mode): boolean {
  const ns_capable = () => cap_capable(current.cred, child.cred.user_ns, CAP_SYS_PTRACE);
  if (kernel.ptrace_scope === null || mode.access !== 'ATTACH') return true;
  switch (kernel.ptrace_scope) {
    case 0:
      return true;
    case 1:
      return (
        task_is_descendant(current, child) || ptracer_exception_found(kernel, current, child) || ns_capable()
      );
    case 2:
      return ns_capable();
    default:
      return false;
  }
}

/** security/yama/yama_lsm.c */
export function yama_ptrace_traceme(kernel: Kernel, current: Task, parent: Task): boolean {
  if (kernel.ptrace_scope === 2) return cap_capable(parent.cred, current.cred.user_ns, CAP_SYS_PTRACE);
  return kernel.ptrace_scope !== 3;
}

/** security/security.c: commoncap is the first, every module can refuse. */
function security_ptrace_access_check(kernel: Kernel, current: Task, child: Task, mode: Mode): boolean {
  return (
    cap_ptrace_access_check(current, child, mode) &&
    !kernel.landlock_refuses &&
    yama_ptrace_access_check(kernel, current, child, mode) &&
    !kernel.policy_refuses
  );
}

/** kernel/ptrace.c; until 2026 a task without memory passed. */
function task_still_dumpable(kernel: Kernel, current: Task, task: Task): boolean {
  if (task.mm !== null) {
    return task.mm.dumpable === 1 || cap_capable(current.cred, task.mm.user_ns, CAP_SYS_PTRACE);
  }
  if (!kernel.remembers_dumpable || task.user_dumpable) return true;
  return cap_capable(current.cred, kernel.init_user_ns, CAP_SYS_PTRACE);
}

/** kernel/ptrace.c */
export function __ptrace_may_access(kernel: Kernel, current: Task, task: Task, mode: Mode): boolean {
  const { cred } = current;
  if (same_thread_group(task, current)) return true;
  const caller_uid = mode.creds === 'FSCREDS' ? cred.fsuid : cred.uid;
  const caller_gid = mode.creds === 'FSCREDS' ? cred.fsgid : cred.gid;
  const tcred = task.cred;
  const same =
    caller_uid === tcred.euid &&
    caller_uid === tcred.suid &&
    caller_uid === tcred.uid &&
    caller_gid === tcred.egid &&
    caller_gid === tcred.sgid &&
    caller_gid === tcred.gid;
  if (!same && !cap_capable(cred, tcred.user_ns, CAP_SYS_PTRACE)) return false;
  if (!task_still_dumpable(kernel, current, task)) return false;
  return security_ptrace_access_check(kernel, current, task, mode);
}

/** kernel/ptrace.c */
export function ptrace_attach(kernel: Kernel, current: Task, task: Task): boolean {
  if (task.is_kthread) return false;
  if (same_thread_group(task, current)) return false;
  if (!__ptrace_may_access(kernel, current, task, { access: 'ATTACH', creds: 'REALCREDS' })) return false;
  if (task.exit_state) return false;
  return task.ptracer === null;
}

/** kernel/ptrace.c */
export function ptrace_traceme(kernel: Kernel, current: Task, parent: Task): boolean {
  if (current.ptracer !== null) return false;
  return (
    cap_ptrace_traceme(current, parent) &&
    !kernel.landlock_refuses &&
    yama_ptrace_traceme(kernel, current, parent) &&
    !kernel.policy_refuses
  );
}

/**
 * kernel/fork.c, mm_access(), get_task_mm() and may_access_mm(). A process without memory is not checked any further.
 */
export function mm_access(kernel: Kernel, current: Task, task: Task, mode: Mode): boolean {
  if (task.is_kthread || task.mm === null) return false;
  if (task.mm === current.mm) return true;
  if (__ptrace_may_access(kernel, current, task, mode)) return true;
  return mode.access === 'READ' && kernel.perfmon_reads_memory && perfmon_capable(kernel, current);
}

/** kernel/capability.c */
const capable = (kernel: Kernel, current: Task, cap: number) =>
  !kernel.policy_withholds && cap_capable(current.cred, kernel.init_user_ns, cap);

/** include/linux/capability.h */
const perfmon_capable = (kernel: Kernel, current: Task) =>
  capable(kernel, current, CAP_PERFMON) || capable(kernel, current, CAP_SYS_ADMIN);

/** kernel/events/core.c */
function perf_check_permission(kernel: Kernel, current: Task, task: Task): boolean {
  return (
    (kernel.perfmon_profiles && perfmon_capable(kernel, current)) ||
    __ptrace_may_access(kernel, current, task, { access: 'READ', creds: 'REALCREDS' })
  );
}

/** kernel/events/core.c, of an event with exclude_kernel. find_get_context() says ESRCH to PF_EXITING. */
export function perf_event_open(kernel: Kernel, current: Task, task: Task): boolean {
  if (!kernel.has_perf_events) return false;
  const lifts = {
    perfmon_capable: perfmon_capable(kernel, current),
    CAP_SYS_ADMIN: capable(kernel, current, CAP_SYS_ADMIN),
  };
  if (kernel.perf_paranoid_any !== null && !lifts[kernel.perf_paranoid_any]) return false;
  if (kernel.perf_hook_refuses) return false;
  return perf_check_permission(kernel, current, task) && !task.exit_state;
}

/** fs/proc/base.c */
function task_dump_owner(task: Task): number {
  if (task.is_kthread || task.mm === null) return 0;
  return task.mm.dumpable === 1 ? task.cred.euid : task.mm.user_ns.zero;
}

/** fs/namei.c, generic_permission(), of a file of mode 0400 that is to be read */
export function may_open(kernel: Kernel, current: Task, task: Task): boolean {
  if (current.cred.fsuid === task_dump_owner(task)) return true;
  // kernel/capability.c, capable_wrt_inode_uidgid()
  const overrides = (cap: number) =>
    kernel.maps_owner && cap_capable(current.cred, current.cred.user_ns, cap);
  return overrides(CAP_DAC_READ_SEARCH) || overrides(CAP_DAC_OVERRIDE);
}
