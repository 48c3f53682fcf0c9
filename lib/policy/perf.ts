import type { PerfAdmits, PerfEvents } from '../kernel/perf-events.js';
import type { Fact } from './fact.js';
import { mayRefuseBySelinux } from './other-lsm.js';
import { isCapable, isPerfmonCapable } from './perfmon.js';
import { type Judgement, judgement, type Question } from './question.js';

/*
 * What refuses perf_event_open whatever the target is. All of it is asked of an event of user space only: for the kernel's
 * (perf_allow_kernel()) and a processor's (perf_allow_cpu()) lower values of kernel.perf_event_paranoid ask for CAP_PERFMON,
 * and lockdown (LOCKDOWN_PERF) is asked for the registers of interrupts alone.
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

/** CONFIG_PERF_EVENTS: without it there is neither the call nor the sysctl. */
export const perfEvents = (question: Question): Judgement => BY_STATE[eventsOf(question).state];

const ASKED_FOR: Record<Exclude<PerfAdmits, 'everyone'>, string> = {
  CAP_PERFMON: 'closes every event to who has neither CAP_PERFMON nor CAP_SYS_ADMIN',
  CAP_SYS_ADMIN: 'closes every event to who has no CAP_SYS_ADMIN',
  privileged: 'closes every event to who has no CAP_SYS_ADMIN; whether CAP_PERFMON suffices here is not seen',
  unknown: 'may close every event to who has no CAP_SYS_ADMIN: on this kernel that is not seen',
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
  true: judgement('perf-paranoid', 'pass', question => `${told(question)}; the tracer has it`),
  false: judgement('perf-paranoid', 'deny', question => `${told(question)}, as the tracer`),
  null: judgement('perf-paranoid', 'unknown', told),
};

/** Whether the tracer has what is asked for. */
function isAdmitted(question: Question, admits: Exclude<PerfAdmits, 'everyone'>): Fact {
  if (admits === 'CAP_PERFMON') return isPerfmonCapable(question);
  const isAdmin = isCapable(question, 'CAP_SYS_ADMIN');
  if (admits === 'CAP_SYS_ADMIN' || isAdmin === true) return isAdmin;
  return admits === 'privileged' && isPerfmonCapable(question) === false ? false : null;
}

/**
 * kernel.perf_event_paranoid as distributions have extended it: Debian's kernel above 2, Ubuntu's from 4 on. In mainline's no
 * value closes an event of user space.
 */
export function perfParanoid(question: Question): Judgement | null {
  const events = eventsOf(question);
  if (events.state === 'absent') return null;
  const admits = events.state === 'present' ? events.admits : 'unknown';
  if (admits === 'everyone') return OPEN;
  return BY_CAPABILITY[`${isAdmitted(question, admits)}`];
}

const NO_HOOK = judgement('perf-lsm', 'pass', 'no security module that has rules for perf events shows');
const BY_POLICY = judgement(
  'perf-lsm',
  'unknown',
  "selinux: what its policy says of the class perf_event doesn't show",
);

/** SELinux alone has rules there: security/selinux/hooks.c, selinux_perf_event_open(). */
export const perfLsm = (question: Question): Judgement =>
  mayRefuseBySelinux(question) ? BY_POLICY : NO_HOOK;
