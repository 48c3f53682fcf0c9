import { type Judgement, judge, type Question } from './question.js';

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

/** Of these nothing shows from outside: what they refuse is learnt by asking the kernel. */
const UNLABELLING = ['landlock', 'bpf'] as const;

const isAppArmors = (label: string) => label === 'unconfined' || / \([a-z]+\)$/.test(label);

/** All that these rules look at in a label: hosts have one for each container. */
export function labelKind(label: string | null): string {
  if (label === null) return 'not seen';
  if (label === '') return 'none';
  if (isUnconfined(label)) return 'unconfined';
  if (refusesNothing(label)) return 'complain';
  if (isAppArmors(label)) return 'enforced';
  return WITHOUT_POLICY.includes(label) ? 'without policy' : 'other';
}

/** The modules that are in the kernel's list; those that may be, where the list isn't seen. */
function activeOf({ host, tracer, target }: Question, names: readonly string[]): string[] {
  if (host.lsms !== null) return names.filter(name => host.lsms?.includes(name));
  const label = tracer.lsmLabel ?? target.lsmLabel;
  const labelling =
    label === null ? LABELLING : label === '' ? [] : isAppArmors(label) ? ['apparmor'] : LABELLING;
  const possible: readonly string[] = [...labelling, ...UNLABELLING];
  return names.filter(name => possible.includes(name));
}

export function unseenModules(question: Question): string[] {
  return activeOf(question, UNLABELLING);
}

/**
 * A tracer in a Landlock domain reaches only its own domain and those within. A domain doesn't show from outside, but who
 * enters one without CAP_SYS_ADMIN has set no_new_privs, which does.
 *
 * Kernel: security/landlock/task.c, task_is_scoped(); security/landlock/syscalls.c, landlock_restrict_self()
 */
export function landlock(question: Question): Judgement {
  const { tracer } = question;
  if (activeOf(question, ['landlock']).length === 0) {
    return judge('landlock', 'pass', 'this kernel runs without Landlock');
  }
  if (tracer.noNewPrivs !== false) {
    const finding =
      tracer.noNewPrivs === null
        ? "whether the tracer has set no_new_privs, as Landlock's sandboxes do, isn't seen"
        : "the tracer has set no_new_privs, as Landlock's sandboxes do: whether it is in one doesn't show";
    return judge('landlock', 'unknown', finding);
  }
  return judge('landlock', 'pass', 'no sign of a Landlock sandbox around the tracer (one need not show)');
}

function describe(label: string | null): string {
  return label === null ? 'not seen' : JSON.stringify(label);
}

/** AppArmor, SELinux and Smack, as far as their labels tell without the policy. */
export function otherLsm(question: Question): Judgement {
  const { tracer, target } = question;
  const active = activeOf(question, LABELLING).filter(
    name => !(name === 'selinux' && WITHOUT_POLICY.includes(tracer.lsmLabel)),
  );
  if (active.length === 0) {
    return judge('other-lsm', 'pass', 'no other security module that has rules for tracing shows');
  }
  const labels = `the tracer's label is ${describe(tracer.lsmLabel)}, the target's ${describe(target.lsmLabel)}`;
  const lets = letsPass(tracer.lsmLabel, target.lsmLabel);
  if (lets !== null && active.every(name => name === 'apparmor')) {
    return judge('other-lsm', 'pass', `apparmor: ${labels}: ${lets}`);
  }
  return judge('other-lsm', 'unknown', `${active.join(', ')}: ${labels}: what its policy says doesn't show`);
}

/** A filter can refuse any system call of the tracer's, and not be read. */
export function seccomp({ tracer, target, mode }: Question): Judgement {
  const caller = mode === 'traceme' ? target : tracer;
  const who = mode === 'traceme' ? 'the target' : 'the tracer';
  if (caller.seccomp === 'none') return judge('seccomp', 'pass', `${who} has no seccomp filter`);
  if (caller.seccomp === 'strict') {
    return judge(
      'seccomp',
      'deny',
      `${who} is in seccomp's strict mode, where only read, write and exit are left`,
    );
  }
  if (caller.seccomp === null)
    return judge('seccomp', 'unknown', `whether ${who} has a seccomp filter isn't seen`);
  return judge(
    'seccomp',
    'unknown',
    `${who} has a seccomp filter: whether that refuses the call doesn't show`,
  );
}
