import type { AccessMode } from './access-mode.js';

/** Each rule that can refuse the access, or allow it at once. */
export type RuleId =
  | 'no-such-process'
  | 'exec'
  | 'same-thread-group'
  | 'kernel-thread'
  | 'file-permission'
  | 'perf-events'
  | 'perf-paranoid'
  | 'perf-lsm'
  | 'perfmon'
  | 'credentials'
  | 'dumpable'
  | 'capability-subset'
  | 'landlock'
  | 'yama-scope'
  | 'yama-relation'
  | 'other-lsm'
  | 'seccomp'
  | 'zombie'
  | 'already-traced';

/** `allow` ends the check; `pass` continues with the next rule. */
export type Outcome = 'pass' | 'allow' | 'deny' | 'unknown';

/** What one rule says. */
export interface Step {
  rule: RuleId;
  outcome: Outcome;
  /** The reason, with the facts of both sides. */
  because: string;
  /** The file and function of the kernel. */
  reference: string;
}

/** What the rules give for one question. */
export interface Verdict {
  verdict: 'allowed' | 'denied' | 'unknown';
  /**
   * The rule that decided: the first that surely refuses; without a refusal the first unknown rule; otherwise the last.
   */
  decidedBy: RuleId;
  /** In the kernel's order. */
  steps: Step[];
  /** Modules that may refuse, but whose answer isn't visible. Empty where the verdict is `denied`. */
  undetectable: string[];
  /** The pair of threads that the verdict is about. Null: the first threads, or all threads have the same rights. */
  threads: { tracer: number; target: number } | null;
}

export const REFERENCES: Record<RuleId, string> = {
  'no-such-process': 'kernel/pid.c, find_get_task_by_vpid()',
  exec: 'security/commoncap.c, cap_bprm_creds_from_file(); fs/exec.c, bprm_fill_uid()',
  'same-thread-group': 'kernel/ptrace.c, __ptrace_may_access()',
  'kernel-thread': 'kernel/ptrace.c, ptrace_attach(); kernel/fork.c, get_task_mm()',
  'file-permission': 'fs/proc/base.c, task_dump_owner(); fs/namei.c, generic_permission()',
  'perf-events': 'kernel/sys_ni.c, sys_ni_syscall()',
  'perf-paranoid':
    'kernel/events/core.c, perf_event_open(); the patch "security,perf: Allow further restriction of perf_event_open"',
  'perf-lsm': 'security/security.c, security_perf_event_open()',
  perfmon: 'kernel/fork.c, may_access_mm()',
  credentials: 'kernel/ptrace.c, __ptrace_may_access()',
  dumpable: 'kernel/ptrace.c, task_still_dumpable(), before 2026 in __ptrace_may_access()',
  'capability-subset': 'security/commoncap.c, cap_ptrace_access_check()',
  landlock: 'security/landlock/task.c, hook_ptrace_access_check()',
  'yama-scope': 'security/yama/yama_lsm.c, yama_ptrace_access_check()',
  'yama-relation': 'security/yama/yama_lsm.c, task_is_descendant() and ptracer_exception_found()',
  'other-lsm': 'security/security.c, security_ptrace_access_check()',
  seccomp: 'kernel/seccomp.c, __secure_computing()',
  zombie: 'kernel/ptrace.c, ptrace_attach(); kernel/fork.c, get_task_mm()',
  'already-traced': 'kernel/ptrace.c, ptrace_attach()',
};

/** Other references of the same rules, for perf_event_open. */
export const PERF_REFERENCES: Partial<Record<RuleId, string>> = {
  perfmon: 'kernel/events/core.c, perf_check_permission()',
  zombie: 'kernel/events/core.c, find_get_context()',
};

/** Other references of the same rules, for PTRACE_TRACEME. */
export const TRACEME_REFERENCES: Partial<Record<RuleId, string>> = {
  'capability-subset': 'security/commoncap.c, cap_ptrace_traceme()',
  landlock: 'security/landlock/task.c, hook_ptrace_traceme()',
  'yama-scope': 'security/yama/yama_lsm.c, yama_ptrace_traceme()',
  'other-lsm': 'security/security.c, security_ptrace_traceme()',
  'already-traced': 'kernel/ptrace.c, ptrace_traceme()',
};

/** The place of a rule in the kernel's source, for this mode. */
export function referenceOf(rule: RuleId, mode: AccessMode): string {
  const own = mode === 'traceme' ? TRACEME_REFERENCES : mode === 'perf' ? PERF_REFERENCES : {};
  return own[rule] ?? REFERENCES[rule];
}
