import type { SecurityModules } from '../../kernel/security-modules.js';
import { type Judgement, judgement, type Question } from './question.js';

const isUnconfined = (label: string) => label === 'unconfined' || label.endsWith(' (unconfined)');

/** Whether AppArmor refuses nothing to a process with this label: it is unconfined, or AppArmor only logs (complain). */
const refusesNothing = (label: string) => isUnconfined(label) || label.endsWith(' (complain)');

/**
 * The reason why AppArmor surely allows the access, or null. An unconfined tracer is always allowed. For a tracer in
 * complain mode AppArmor still asks the target's profile.
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
 * The labels that SELinux gives before a policy is loaded. Without a policy SELinux refuses nothing. The labels of a
 * policy contain colons.
 *
 * Kernel: security/selinux/ss/services.c, security_sid_to_context_core() and security_compute_av()
 */
const WITHOUT_POLICY: readonly (string | null)[] = ['kernel', 'init', 'unlabeled'];

/** The modules that label processes and have rules for tracing. */
const LABELLING = ['apparmor', 'selinux', 'smack'] as const;
type Labelling = (typeof LABELLING)[number];

/** Modules without a visible state. Only the kernel's answer shows what they refuse. */
const UNLABELLING = ['landlock', 'bpf'] as const;
type Unlabelling = (typeof UNLABELLING)[number];

/** The part of a label that these rules use. A host can have another label for each container, but few kinds. */
export function labelKind(label: string | null): string {
  if (label === null) return 'not seen';
  if (label === '') return 'none';
  if (isUnconfined(label)) return 'unconfined';
  if (refusesNothing(label)) return 'complain';
  if (/ \([a-z]+\)$/.test(label)) return 'enforced';
  return WITHOUT_POLICY.includes(label) ? 'without policy' : 'other';
}

/** Whether the module is in the kernel's list. Where the list isn't seen: whether the module is not ruled out. */
export function mayBeActive({ lsms, lsmsRuledOut }: SecurityModules, name: Labelling | Unlabelling): boolean {
  return lsms !== null ? lsms.includes(name) : !lsmsRuledOut.includes(name);
}

export function unseenModules({ host, isConfined }: Question): string[] {
  return UNLABELLING.filter(
    name => mayBeActive(host, name) && !(name === 'landlock' && isConfined === false),
  );
}

/**
 * The label after an exec. A policy may give the process another label, and the policy isn't visible. Without a policy
 * the label stays.
 */
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
  'the tracer has not set no_new_privs, so only a Landlock domain that was made with CAP_SYS_ADMIN could refuse',
);
/** The judgements where a domain of the tracer, or that there is none, is known or assumed. */
const BY_DOMAIN = {
  true: judgement(
    'landlock',
    'deny',
    'the tracer is in a Landlock domain and the target is outside of it: neither CAP_SYS_PTRACE nor a relation nor a declaration allows it',
  ),
  false: judgement('landlock', 'pass', 'the tracer is in no Landlock domain that the target is outside of'),
  null: judgement(
    'landlock',
    'unknown',
    "the tracer is in a Landlock domain, and whether the target is outside of it isn't seen",
  ),
};
const PERHAPS_SANDBOXED = judgement('landlock', 'unknown', ({ tracer }) =>
  tracer.noNewPrivs === null
    ? "whether the tracer has set no_new_privs, as Landlock's sandboxes do, isn't seen"
    : "the tracer has set no_new_privs, as Landlock's sandboxes do: whether it is in one can't be seen",
);

/**
 * A tracer in a Landlock domain can access only processes of its own domain and of domains inside it, for READ and for
 * ATTACH. A domain isn't visible from outside, but no_new_privs is: without CAP_SYS_ADMIN a process needs it to enter a
 * domain.
 *
 * Kernel: security/landlock/task.c, task_is_scoped(); security/landlock/syscalls.c, landlock_restrict_self()
 */
export function landlock(question: Question): Judgement {
  const { isConfined } = question;
  if (isConfined !== undefined) return BY_DOMAIN[`${isConfined}`];
  if (!mayBeActive(question.host, 'landlock')) return WITHOUT_LANDLOCK;
  return question.tracer.noNewPrivs === false ? NO_SIGN : PERHAPS_SANDBOXED;
}

/** Whether the module may refuse something to this tracer. */
const mayRefuse = (question: Question, name: Labelling): boolean =>
  mayBeActive(question.host, name) &&
  !(name === 'selinux' && WITHOUT_POLICY.includes(question.tracer.lsmLabel));

/** Whether SELinux may refuse something to this tracer. SELinux also uses hooks that AppArmor and Smack don't use. */
export const mayRefuseBySelinux = (question: Question): boolean => mayRefuse(question, 'selinux');

/**
 * Whether a policy may withhold a capability that is in the tracer's effective set.
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

const NO_OTHER = judgement('other-lsm', 'pass', 'no other security module with rules for tracing is visible');
const APPARMOR_LETS_PASS = judgement(
  'other-lsm',
  'pass',
  question =>
    `apparmor: ${labels(question)}: ${letsPass(question.tracer.lsmLabel, question.target.lsmLabel)}`,
);
const BY_POLICY = judgement('other-lsm', 'unknown', question => {
  const active = LABELLING.filter(name => mayRefuse(question, name));
  return `${active.join(', ')}: ${labels(question)}: what its policy says can't be seen`;
});

/** AppArmor, SELinux and Smack. The labels are visible, the policies aren't. */
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
    question => `${nameOfCaller(question)} has a seccomp filter: whether that refuses the call can't be seen`,
  ),
  null: judgement(
    'seccomp',
    'unknown',
    question => `whether ${nameOfCaller(question)} has a seccomp filter isn't seen`,
  ),
};

/** A seccomp filter can refuse any system call of the tracer, and /proc doesn't show the filter's content. */
export const seccomp = (question: Question): Judgement => BY_SECCOMP[caller(question).seccomp ?? 'null'];
