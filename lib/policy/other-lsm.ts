import type { SecurityModules } from '../kernel/security-modules.js';
import { type Judgement, judgement, type Question } from './question.js';

const isUnconfined = (label: string) => label === 'unconfined' || label.endsWith(' (unconfined)');

/** Of a label that AppArmor lets trace, or be traced, without a look at its rules, or in spite of them. */
const refusesNothing = (label: string) => isUnconfined(label) || label.endsWith(' (complain)');

/**
 * Why AppArmor lets pass whatever its policy says, or null. Both sides have their say: an unconfined tracer ends it, one that
 * is only complained about must still be let in by the target's profile.
 *
 * Kernel: security/apparmor/ipc.c or task.c, profile_tracer_perm() and profile_tracee_perm()
 */
function letsPass(tracer: string | null, target: string | null): string | null {
  if (tracer === null) return null;
  if (isUnconfined(tracer)) return 'it lets an unconfined tracer pass';
  return refusesNothing(tracer) && target !== null && refusesNothing(target)
    ? 'it enforces neither profile'
    : null;
}

/**
 * SELinux's names of what it labels before it has a policy, and until then it refuses nothing: a policy's labels have
 * colons.
 *
 * Kernel: security/selinux/ss/services.c, security_sid_to_context_core() and security_compute_av()
 */
const WITHOUT_POLICY: readonly (string | null)[] = ['kernel', 'init', 'unlabeled'];

/** The modules that label processes, and have rules for tracing. */
const LABELLING = ['apparmor', 'selinux', 'smack'] as const;
type Labelling = (typeof LABELLING)[number];

/** Of these nothing shows from outside: what they refuse is learnt by asking the kernel. */
const UNLABELLING = ['landlock', 'bpf'] as const;
type Unlabelling = (typeof UNLABELLING)[number];

/** All that these rules look at in a label: hosts have one for each container. */
export function labelKind(label: string | null): string {
  if (label === null) return 'not seen';
  if (label === '') return 'none';
  if (isUnconfined(label)) return 'unconfined';
  if (refusesNothing(label)) return 'complain';
  if (/ \([a-z]+\)$/.test(label)) return 'enforced';
  return WITHOUT_POLICY.includes(label) ? 'without policy' : 'other';
}

/** Whether it is in the kernel's list, or may be, where the list isn't seen. */
function mayBeActive({ lsms, lsmsRuledOut }: SecurityModules, name: Labelling | Unlabelling): boolean {
  return lsms !== null ? lsms.includes(name) : !lsmsRuledOut.includes(name);
}

export function unseenModules({ host }: Question): string[] {
  return UNLABELLING.filter(name => mayBeActive(host, name));
}

/** A policy may give another label to a process that executes a program, and the policy doesn't show. Without a policy the label stays. */
export function labelAfterExec(label: string | null, modules: SecurityModules): string | null {
  const withPolicy = LABELLING.filter(
    name => mayBeActive(modules, name) && !(name === 'selinux' && WITHOUT_POLICY.includes(label)),
  );
  return withPolicy.length === 0 ? label : null;
}

const WITHOUT_LANDLOCK = judgement('landlock', 'pass', 'this kernel runs without Landlock');
const NO_SIGN = judgement(
  'landlock',
  'pass',
  'no sign of a Landlock sandbox around the tracer (one need not show)',
);
const PERHAPS_SANDBOXED = judgement('landlock', 'unknown', ({ tracer }) =>
  tracer.noNewPrivs === null
    ? "whether the tracer has set no_new_privs, as Landlock's sandboxes do, isn't seen"
    : "the tracer has set no_new_privs, as Landlock's sandboxes do: whether it is in one doesn't show",
);

/**
 * A tracer in a Landlock domain reaches only its own domain and those within. A domain doesn't show from outside, but who
 * enters one without CAP_SYS_ADMIN has set no_new_privs, which does.
 *
 * Kernel: security/landlock/task.c, task_is_scoped(); security/landlock/syscalls.c, landlock_restrict_self()
 */
export function landlock(question: Question): Judgement {
  if (!mayBeActive(question.host, 'landlock')) return WITHOUT_LANDLOCK;
  return question.tracer.noNewPrivs === false ? NO_SIGN : PERHAPS_SANDBOXED;
}

/** Whether it may have a say about this tracer. */
const mayRefuse = (question: Question, name: Labelling): boolean =>
  mayBeActive(question.host, name) &&
  !(name === 'selinux' && WITHOUT_POLICY.includes(question.tracer.lsmLabel));

/** Whether SELinux may have a say about this tracer, as it has in hooks that AppArmor and Smack don't have. */
export const mayRefuseBySelinux = (question: Question): boolean => mayRefuse(question, 'selinux');

/**
 * Whether a policy may keep from the tracer a capability that is in its effective set.
 *
 * Kernel: security/security.c, security_capable(): AppArmor's profile_capable(), SELinux's cred_has_capability()
 */
export function mayWithholdCapability(question: Question): boolean {
  const { lsmLabel } = question.tracer;
  if (mayRefuseBySelinux(question)) return true;
  return mayRefuse(question, 'apparmor') && (lsmLabel === null || !refusesNothing(lsmLabel));
}

function describe(label: string | null): string {
  return label === null ? 'not seen' : JSON.stringify(label);
}

const labels = ({ tracer, target }: Question) =>
  `the tracer's label is ${describe(tracer.lsmLabel)}, the target's ${describe(target.lsmLabel)}`;

const NO_OTHER = judgement('other-lsm', 'pass', 'no other security module that has rules for tracing shows');
const APPARMOR_LETS_PASS = judgement(
  'other-lsm',
  'pass',
  question =>
    `apparmor: ${labels(question)}: ${letsPass(question.tracer.lsmLabel, question.target.lsmLabel)}`,
);
const BY_POLICY = judgement('other-lsm', 'unknown', question => {
  const active = LABELLING.filter(name => mayRefuse(question, name));
  return `${active.join(', ')}: ${labels(question)}: what its policy says doesn't show`;
});

/** AppArmor, SELinux and Smack, as far as their labels tell without the policy. */
export function otherLsm(question: Question): Judgement {
  const { tracer, target } = question;
  if (mayRefuse(question, 'selinux') || mayRefuse(question, 'smack')) return BY_POLICY;
  if (!mayRefuse(question, 'apparmor')) return NO_OTHER;
  return letsPass(tracer.lsmLabel, target.lsmLabel) === null ? BY_POLICY : APPARMOR_LETS_PASS;
}

const caller = ({ tracer, target, mode }: Question) => (mode === 'traceme' ? target : tracer);
const nameOfCaller = ({ mode }: Question) => (mode === 'traceme' ? 'the target' : 'the tracer');

const BY_SECCOMP = {
  none: judgement('seccomp', 'pass', question => `${nameOfCaller(question)} has no seccomp filter`),
  strict: judgement(
    'seccomp',
    'deny',
    question =>
      `${nameOfCaller(question)} is in seccomp's strict mode, where only read, write and exit are left`,
  ),
  filter: judgement(
    'seccomp',
    'unknown',
    question => `${nameOfCaller(question)} has a seccomp filter: whether that refuses the call doesn't show`,
  ),
  null: judgement(
    'seccomp',
    'unknown',
    question => `whether ${nameOfCaller(question)} has a seccomp filter isn't seen`,
  ),
};

/** A filter can refuse any system call of the tracer's, and not be read. */
export const seccomp = (question: Question): Judgement => BY_SECCOMP[caller(question).seccomp ?? 'null'];
