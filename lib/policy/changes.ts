import { capabilityMask, capabilityNames } from '../kernel/capabilities.js';
import type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
import { processName } from './ancestry.js';
import { debuggerNamed } from './debuggers.js';
import type { Question } from './question.js';
import type { RuleId } from './verdict.js';

/** What runs the tracer, where that has a way of its own to give rights. */
export type Surroundings = 'docker' | 'podman' | 'kubernetes' | 'container' | null;

/** One thing that somebody can do, and what it does to the facts. */
export interface Change {
  /** The rules that it can turn. */
  alters: readonly RuleId[];
  /** From least to most, of what it opens. */
  power: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  /** More and less of the same: where the less powerful helps, the more powerful is not named. */
  degreeOf?: 'scope';
  who: string;
  what: string;
  command: string | null;
  /** In the target's own code. */
  call: string | null;
  /** What else becomes possible by it. */
  opens: string;
  apply(question: Question): Question;
}

const allIds = (id: number): SeenIds => ({ real: id, effective: id, saved: id, fs: id });

/** The one id that it is throughout, or null. */
function onlyId({ real, effective, saved }: SeenIds): number | null {
  return real !== null && real === effective && real === saved ? real : null;
}

const withTracer = (question: Question, changes: Partial<ProcessFacts>): Question => ({
  ...question,
  tracer: { ...question.tracer, ...changes },
});

const withTarget = (question: Question, changes: Partial<ProcessFacts>): Question => {
  const target = { ...question.target, ...changes };
  const processes = question.host.processes.map(facts => (facts.pid === target.pid ? target : facts));
  return { ...question, target, host: { ...question.host, processes } };
};

const EVERY_CAPABILITY = 'ffffffffffffffff';

function joined(mask: string | null, more: bigint): string {
  return (BigInt(`0x${mask ?? '0'}`) | more).toString(16).padStart(16, '0');
}

function initialNamespace({ host }: Question): string | null {
  return Object.keys(host.userNsParents).find(id => host.userNsParents[id]?.parent === 'none') ?? null;
}

const PTRACE_RULES: readonly RuleId[] = [
  'file-permission',
  'credentials',
  'dumpable',
  'capability-subset',
  'yama-scope',
  'yama-relation',
];

const asRoot = (question: Question): Question =>
  withTracer(question, {
    uids: allIds(0),
    gids: allIds(0),
    capPermitted: EVERY_CAPABILITY,
    capEffective: EVERY_CAPABILITY,
    userNs: initialNamespace(question),
    userNsRuledOut: null,
  });

/** The capabilities that the target is permitted and the tracer isn't. */
const lackedBy = (tracer: ProcessFacts, target: ProcessFacts): bigint =>
  BigInt(`0x${target.capPermitted ?? '0'}`) & ~BigInt(`0x${tracer.capPermitted ?? '0'}`);

/** What sudo executes gains nothing under no_new_privs: fs/exec.c, bprm_fill_uid(). */
const whoIsRoot = ({ tracer: { noNewPrivs } }: Question): string =>
  noNewPrivs
    ? 'root, from outside of this no_new_privs, under which sudo gains nothing'
    : 'root, or who may use sudo';
const asRootOf = ({ tracer: { noNewPrivs } }: Question, command: string): string =>
  noNewPrivs ? command : `sudo ${command}`;

type Offer = (question: Question, surroundings: Surroundings) => Change | null;

const quitTheTracer: Offer = ({ target, host }) => ({
  alters: ['already-traced'],
  power: 0,
  who: `process ${processName(target.tracerPid, host.processes)}`,
  what: 'lets go of it: quit or detach that debugger',
  command: null,
  call: null,
  opens: 'nothing',
  apply: question => withTarget(question, { tracerPid: 0, tracerTgid: 0 }),
});

const startUnderIt: Offer = ({ tracer, target, mode }) => {
  const hasSameIds = onlyId(target.uids) !== null && onlyId(target.uids) === tracer.uids.real;
  if (mode !== 'attach' || !hasSameIds) return null;
  const without = lackedBy(tracer, target) === 0n ? '' : "; it then runs without the target's capabilities";
  return {
    alters: ['yama-scope', 'yama-relation', 'dumpable'],
    power: 1,
    who: 'you',
    what: `start the program under the debugger rather than attach to it: a parent may trace its child${without}`,
    command: debuggerNamed(tracer.comm).start,
    call: null,
    opens: 'nothing',
    apply: question => ({
      ...withTarget(question, {
        capPermitted: tracer.capPermitted,
        userNs: tracer.userNs,
        userNsRuledOut: tracer.userNsRuledOut,
        tracerPid: 0,
      }),
      mode: 'traceme',
    }),
  };
};

const NEW_USER_NS = 'one that is made for it';

/**
 * Root of a user namespace has CAP_SYS_PTRACE over all that is in it, which is what Yama asks for at 2.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_traceme(); kernel/user_namespace.c, create_user_ns()
 */
const startInUserNamespace: Offer = ({ tracer, target, mode, host }) => {
  const isAsked = mode === 'traceme' || (mode === 'attach' && onlyId(target.uids) === tracer.uids.real);
  if (host.yama.state !== 'present' || host.yama.value !== 2 || !isAsked || tracer.userNs === null)
    return null;
  const ownSet = {
    userNs: NEW_USER_NS,
    userNsRuledOut: null,
    capPermitted: EVERY_CAPABILITY,
    capEffective: EVERY_CAPABILITY,
  };
  const made = { parent: tracer.userNs, owner: tracer.uids.effective, root: tracer.uids.effective };
  return {
    alters: ['yama-scope', 'dumpable'],
    power: 1,
    who: 'you',
    what: 'start the program under the debugger as root of a user namespace of their own, where this host lets users make one; outside of it they are what they were',
    command: `unshare --map-root-user ${debuggerNamed(tracer.comm).start}`,
    call: null,
    opens: 'nothing',
    apply: question => {
      const { host: before, ...inside } = withTracer(
        withTarget(question, { ...ownSet, dumpable: true, memoryUserNs: null, tracerPid: 0, tracerTgid: 0 }),
        ownSet,
      );
      const userNsParents = { ...before.userNsParents, [NEW_USER_NS]: made };
      return { ...inside, host: { ...before, userNsParents }, mode: 'traceme' };
    },
  };
};

const declareIt: Offer = ({ tracer, host }) => {
  if (host.yama.state !== 'present' || host.yama.value !== 1) return null;
  const pid = tracer.pid === 0 ? 'DEBUGGER_PID' : `${tracer.tgid ?? tracer.pid}`;
  return {
    alters: ['yama-relation'],
    power: 1,
    who: 'the target',
    what:
      tracer.pid === 0
        ? 'declares the debugger, which has to run by then (gdb without -p, and in it: attach PID)'
        : 'declares this tracer',
    command: null,
    call: `setPtracer(${pid}), in C prctl(PR_SET_PTRACER, ${pid}, 0, 0, 0)`,
    opens: 'it to that process, its threads and its descendants, until it takes the declaration back',
    apply: question => withTarget(question, { declaredTracer: 'any' }),
  };
};

const becomeDumpable: Offer = () => ({
  alters: ['dumpable', 'file-permission'],
  power: 2,
  who: 'the target',
  what: 'becomes dumpable',
  command: null,
  call: "setDumpable('user'), in C prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)",
  opens:
    'its environment, memory maps and core dumps to every process of its uid, and attaching to those that ptrace_scope lets',
  apply: question => withTarget(question, { dumpable: true, memoryUserNs: null }),
});

const takeItsIds: Offer = question => {
  const { tracer, target } = question;
  const uid = onlyId(target.uids);
  const gid = onlyId(target.gids);
  if (uid === null || gid === null || uid === 0) return null;
  return {
    alters: ['credentials', 'file-permission'],
    power: 3,
    who: whoIsRoot(question),
    what: "runs the tracer as the target's own user",
    command: asRootOf(
      question,
      `setpriv --reuid ${uid} --regid ${gid} --clear-groups ${debuggerNamed(tracer.comm).attach(target.pid)}`,
    ),
    call: null,
    opens: `what uid ${uid} may do, to that one command`,
    apply: changed =>
      withTracer(changed, {
        uids: allIds(uid),
        gids: allIds(gid),
        capPermitted: '0',
        capEffective: '0',
      }),
  };
};

const takeItsCapabilities: Offer = question => {
  const { tracer, target } = question;
  const lacking = lackedBy(tracer, target);
  const names = capabilityNames(lacking).map(name => name.replace('CAP_', '').toLowerCase());
  if (lacking === 0n || names.length > 4 || tracer.userNs !== target.userNs) return null;
  const sets = names.map(name => `+${name}`).join(',');
  const ids = `--reuid ${tracer.uids.real} --regid ${tracer.gids.real} --clear-groups`;
  return {
    alters: ['capability-subset'],
    power: 3,
    who: whoIsRoot(question),
    what: "gives the tracer the target's capabilities too",
    command: asRootOf(
      question,
      `setpriv ${ids} --inh-caps ${sets} --ambient-caps ${sets} ${debuggerNamed(tracer.comm).attach(target.pid)}`,
    ),
    call: null,
    opens: 'these capabilities to that one command',
    apply: changed =>
      withTracer(changed, {
        capPermitted: joined(tracer.capPermitted, lacking),
        capEffective: joined(tracer.capEffective, lacking),
      }),
  };
};

const ADDING: Record<Exclude<Surroundings, null>, string> = {
  docker: 'docker run --cap-add=SYS_PTRACE',
  podman: 'podman run --cap-add=SYS_PTRACE',
  kubernetes: 'securityContext: { capabilities: { add: ["SYS_PTRACE"] } }',
  container: "add CAP_SYS_PTRACE to the container's capabilities",
};

/** Whoever starts the container can give it the capability, which then reaches what is in its user namespace. */
const addToContainer: Offer = (_question, surroundings) =>
  surroundings === null
    ? null
    : {
        alters: PTRACE_RULES,
        power: 4,
        who: 'whoever starts the container',
        what: 'adds CAP_SYS_PTRACE, and the tracer runs as root in there',
        command: ADDING[surroundings],
        call: null,
        opens: 'every process of the container to its root, and of the host if they share its pid namespace',
        apply: question =>
          withTracer(question, {
            uids: allIds(0),
            gids: allIds(0),
            capPermitted: joined(question.tracer.capPermitted, capabilityMask(['CAP_SYS_PTRACE'])),
            capEffective: joined(question.tracer.capEffective, capabilityMask(['CAP_SYS_PTRACE'])),
          }),
      };

const runAsRoot: Offer = (question, surroundings) => {
  const { tracer, target, mode } = question;
  const { start, attach } = debuggerNamed(tracer.comm);
  const isOutside = surroundings !== null;
  const command = mode === 'traceme' ? start : attach(target.pid);
  return {
    alters: PTRACE_RULES,
    power: 4,
    who: isOutside ? 'root of the host' : whoIsRoot(question),
    what: `runs the tracer with CAP_SYS_PTRACE${isOutside ? ', from outside of the container' : ''}`,
    // There it is another shell.
    command: isOutside
      ? `sudo ${command}${mode === 'traceme' ? '' : ' (with the pid that it has there)'}`
      : asRootOf(question, command),
    call: null,
    opens: 'every process of the host to that one command',
    apply: asRoot,
  };
};

const leaveTheFilter: Offer = (_question, surroundings) => ({
  alters: ['seccomp'],
  power: 4,
  who: surroundings === null ? 'you' : 'whoever starts the container',
  what: 'runs the tracer without that seccomp filter, or with one that lets ptrace and process_vm_readv pass',
  command:
    surroundings === 'docker' || surroundings === 'podman'
      ? `${surroundings} run --security-opt seccomp=PROFILE.json`
      : null,
  call: null,
  opens: 'those system calls to it',
  apply: question => withTracer(question, { seccomp: 'none' }),
});

const leaveTheSandbox: Offer = () => ({
  alters: ['landlock'],
  power: 4,
  who: 'you',
  what: 'start the tracer outside of its Landlock sandbox: from a shell that is not in it',
  command: null,
  call: null,
  opens: 'what the sandbox kept from the tracer',
  apply: question => withTracer(question, { noNewPrivs: false }),
});

/** A label tells which module it is; without one it can only be a program of BPF's. */
const changeThePolicy: Offer = ({ tracer, target }) => {
  const hasLabels = tracer.lsmLabel !== '' && target.lsmLabel !== '';
  const rule = `for AppArmor \`ptrace (trace, read) peer=${target.lsmLabel || 'LABEL'},\` in its profile`;
  return {
    alters: ['other-lsm'],
    power: 4,
    who: 'root',
    what: hasLabels
      ? `finds in the kernel log what the security module refused, and lets the tracer do that in its policy (${rule})`
      : 'finds the BPF program that refuses, and lets the tracer pass in the policy of whatever loaded it',
    command: hasLabels ? 'journalctl -k --grep "ptrace|denied"' : 'bpftool prog list | grep lsm',
    call: null,
    opens: 'what the new rule says, to every process under that policy',
    apply: question => withTracer(question, { lsmLabel: 'unconfined' }),
  };
};

const SET_BY =
  'grep -rs ptrace_scope /etc/sysctl.d /etc/sysctl.conf /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /proc/cmdline';

const LOWER = {
  1: {
    power: 5,
    yama: { state: 'present', value: 1, name: 'restricted' },
    opens: 'every process of this host to its ancestors and to whom it declares',
  },
  0: {
    power: 6,
    yama: { state: 'present', value: 0, name: 'classic' },
    opens: 'every dumpable process of this host to every other of its uid: a last resort',
  },
} as const;

const lowerTheScopeTo =
  (lower: 0 | 1): Offer =>
  (question, surroundings) => {
    const { host } = question;
    if (host.yama.state !== 'present' || host.yama.value <= lower) return null;
    const { value } = host.yama;
    const { power, yama, opens } = LOWER[lower];
    const isFinal = value === 3;
    return {
      alters: ['yama-scope', 'yama-relation'],
      power,
      degreeOf: 'scope',
      // It is the host's, and /proc/sys is read-only in a container.
      who: surroundings === null ? 'root' : 'root of the host',
      what: isFinal
        ? `sets kernel.yama.ptrace_scope to ${lower} where it is set to 3, and reboots: before that 3 can't be lowered (where nothing sets it, it was set by hand, and a reboot is enough)`
        : `lowers kernel.yama.ptrace_scope from ${value} to ${lower}, until it is set back`,
      command: isFinal
        ? SET_BY
        : surroundings === null
          ? asRootOf(question, `sysctl kernel.yama.ptrace_scope=${lower}`)
          : `sudo sysctl kernel.yama.ptrace_scope=${lower} (on the host)`,
      call: null,
      opens,
      apply: changed => ({ ...changed, host: { ...changed.host, yama } }),
    };
  };

const OFFERS: readonly Offer[] = [
  quitTheTracer,
  startUnderIt,
  startInUserNamespace,
  declareIt,
  becomeDumpable,
  takeItsIds,
  takeItsCapabilities,
  addToContainer,
  runAsRoot,
  leaveTheFilter,
  leaveTheSandbox,
  changeThePolicy,
  lowerTheScopeTo(1),
  lowerTheScopeTo(0),
];

/** Everything that could alter one of these rules. */
export function changesOf(
  question: Question,
  rules: readonly RuleId[],
  surroundings: Surroundings,
): Change[] {
  return OFFERS.map(offer => offer(question, surroundings)).filter(
    (change): change is Change => change?.alters.some(rule => rules.includes(rule)) === true,
  );
}
