import type { PerfAdmits, PerfEvents } from '../../kernel/perf-events.js';
import type { Fact } from './fact.js';
import { mayRefuseBySelinux } from './other-lsm.js';
import { isCapable, isPerfmonCapable } from './perfmon.js';
import { type Judgement, judgement, type Question } from './question.js';

/*
 * The rules of perf_event_open that do not look at the target, for an event of user space. An event of the kernel
 * (perf_allow_kernel()) or of a processor (perf_allow_cpu()) needs CAP_PERFMON at lower values of
 * kernel.perf_event_paranoid. Lockdown (LOCKDOWN_PERF) refuses only samples with the registers of an interrupt.
 */

const NOT_IN_THESE_FACTS: PerfEvents = { state: 'unknown', cause: 'these facts do not say' };

const eventsOf = ({ host }: Question): PerfEvents => host.perfEvents ?? NOT_IN_THESE_FACTS;

const causeOf = (question: Question): string => {
  const events = eventsOf(question);
  return events.state === 'unknown' ? events.cause : '';
};

const BY_STATE = {
  present: judgement('perf-events', 'pass', 'this kernel has perf events'),
  absent: judgement('perf-events', 'deny', 'this kernel has no perf events: it answers ENOSYS to everybody'),
  unknown: judgement(
    'perf-events',
    'unknown',
    question => `whether this kernel has perf events isn't seen: ${causeOf(question)}`,
  ),
};

/** Without CONFIG_PERF_EVENTS the kernel has neither the system call nor the sysctl. */
export const perfEvents = (question: Question): Judgement => BY_STATE[eventsOf(question).state];

const ASKED_FOR: Record<Exclude<PerfAdmits, 'everyone'>, string> = {
  CAP_PERFMON: 'refuses every event to a process without CAP_PERFMON or CAP_SYS_ADMIN',
  CAP_SYS_ADMIN: 'refuses every event to a process without CAP_SYS_ADMIN',
  privileged:
    'refuses every event to a process without CAP_SYS_ADMIN; whether CAP_PERFMON is enough is not seen',
  unknown:
    'on some kernels refuses every event to a process without CAP_SYS_ADMIN; what this kernel does is not seen',
};

function told(question: Question): string {
  const events = eventsOf(question);
  if (events.state !== 'present') return `kernel.perf_event_paranoid is not seen: ${causeOf(question)}`;
  const { paranoid, admits } = events;
  const what = admits === 'everyone' ? 'leaves events of user space to the access check' : ASKED_FOR[admits];
  return `kernel.perf_event_paranoid is ${paranoid}, which ${what}`;
}

const OPEN = judgement('perf-paranoid', 'pass', told);
const BY_CAPABILITY = {
  true: judgement('perf-paranoid', 'pass', question => `${told(question)}; the tracer has that capability`),
  false: judgement('perf-paranoid', 'deny', question => `${told(question)}; the tracer lacks it`),
  null: judgement('perf-paranoid', 'unknown', told),
};

/** Whether the tracer has the required capability. */
function isAdmitted(question: Question, admits: Exclude<PerfAdmits, 'everyone'>): Fact {
  if (admits === 'CAP_PERFMON') return isPerfmonCapable(question);
  const isAdmin = isCapable(question, 'CAP_SYS_ADMIN');
  if (admits === 'CAP_SYS_ADMIN' || isAdmin === true) return isAdmin;
  return admits === 'privileged' && isPerfmonCapable(question) === false ? false : null;
}

/**
 * kernel.perf_event_paranoid as distributions have extended it: Debian's kernel refuses above 2, Ubuntu's from 4 on. In
 * mainline no value refuses an event of user space.
 */
export function perfParanoid(question: Question): Judgement | null {
  const events = eventsOf(question);
  if (events.state === 'absent') return null;
  const admits = events.state === 'present' ? events.admits : 'unknown';
  if (admits === 'everyone') return OPEN;
  return BY_CAPABILITY[`${isAdmitted(question, admits)}`];
}

const NO_HOOK = judgement('perf-lsm', 'pass', 'no security module with rules for perf events is visible');
const BY_POLICY = judgement(
  'perf-lsm',
  'unknown',
  "selinux: what its policy says of the class perf_event can't be seen",
);

/** Only SELinux has rules for perf events. Kernel: security/selinux/hooks.c, selinux_perf_event_open() */
export const perfLsm = (question: Question): Judgement =>
  mayRefuseBySelinux(question) ? BY_POLICY : NO_HOOK;
