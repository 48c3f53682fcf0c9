import { type Judgement, judge, type Question } from './question.js';

/** AppArmor's label without what its policy would have to be read for. */
function isUnconfined(label: string): boolean {
  return label === 'unconfined' || /\((unconfined|complain)\)$/.test(label);
}

/** The modules that label processes, and have rules for tracing. */
const LABELLING = ['apparmor', 'selinux', 'smack'] as const;

/** Of these nothing shows from outside: what they refuse is learnt by asking the kernel. */
const UNLABELLING = ['landlock', 'bpf'] as const;

const isAppArmors = (label: string) => label === 'unconfined' || / \([a-z]+\)$/.test(label);

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
  if (tracer.noNewPrivs === true) {
    return judge(
      'landlock',
      'unknown',
      "the tracer has set no_new_privs, as Landlock's sandboxes do: whether it is in one doesn't show",
    );
  }
  return judge('landlock', 'pass', 'no sign of a Landlock sandbox around the tracer (one need not show)');
}

function describe(label: string | null): string {
  return label === null ? 'not seen' : JSON.stringify(label);
}

/** AppArmor, SELinux and Smack, as far as their labels tell without the policy. */
export function otherLsm(question: Question): Judgement {
  const { tracer, target } = question;
  const active = activeOf(question, LABELLING);
  if (active.length === 0) {
    return judge('other-lsm', 'pass', 'no other security module with rules for tracing shows');
  }
  const labels = `the tracer's label is ${describe(tracer.lsmLabel)}, the target's ${describe(target.lsmLabel)}`;
  // security/apparmor/ipc.c, aa_may_ptrace(): an unconfined tracer is let through on both sides.
  if (
    active.every(name => name === 'apparmor') &&
    tracer.lsmLabel !== null &&
    isUnconfined(tracer.lsmLabel)
  ) {
    return judge('other-lsm', 'pass', `apparmor: ${labels}: it lets an unconfined tracer pass`);
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
