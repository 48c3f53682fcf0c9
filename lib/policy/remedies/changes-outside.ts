import { capabilityMask } from '../../kernel/capabilities.js';
import { holds } from '../access/capable.js';
import type { Question } from '../access/question.js';
import {
  allIds,
  asRoot,
  asRootOf,
  capabilityFor,
  inInitialNamespace,
  isInInitialNamespace,
  joined,
  NO_CAPABILITY,
  type Offer,
  whoIsRoot,
  withTracer,
} from './change.js';
import { ENGINES, type Engine, type Surroundings, withoutFilter } from './surroundings.js';
import { toolFor } from './tool.js';

const hasIt = (question: Question) => holds(question.tracer.capBounding, capabilityFor(question).capability);

/**
 * The container engine, sandbox or unit that runs the tracer. A systemd unit counts only where it restricts the tracer.
 */
function engineOf(question: Question, { name, hasReadOnlySysctl }: Surroundings): Engine | null {
  if (name === null) return null;
  const { noNewPrivs, seccomp } = question.tracer;
  const isConfined =
    noNewPrivs === true ||
    seccomp === 'filter' ||
    seccomp === 'strict' ||
    hasIt(question) === false ||
    hasReadOnlySysctl ||
    !isInInitialNamespace(question);
  return name === 'systemd' && !isConfined ? null : ENGINES[name];
}

/** The confinement that root has to leave. Null: no visible confinement limits root's capabilities. */
export function confinement(question: Question, surroundings: Surroundings): string | null {
  const engine = engineOf(question, surroundings);
  if (engine !== null) return `the ${engine.noun}`;
  if (!isInInitialNamespace(question)) return 'this user namespace';
  const { capability } = capabilityFor(question);
  return hasIt(question) === false ? `this capability bounding set, which lacks ${capability}` : null;
}

/** An exec as uid 0 permits the whole bounding set. Kernel: security/commoncap.c, handle_privileged_root() */
export const becomeRootInside: Offer = (question, surroundings) => {
  const { tracer, target, mode } = question;
  const engine = engineOf(question, surroundings);
  if (engine === null || engine.asRoot === null || mode === 'traceme' || hasIt(question) !== true)
    return null;
  const isBySudo = engine.asRoot === 'sudo';
  if (isBySudo && tracer.noNewPrivs !== false) return null;
  const command = toolFor(question).attach(target.pid);
  const { capability, rules } = capabilityFor(question);
  return {
    alters: rules,
    power: 3,
    degreeOf: 'capability',
    who: isBySudo
      ? `root of the ${engine.noun}, or a user with sudo rights in it`
      : 'a user who may enter the container',
    what: `runs the tracer as root of the ${engine.noun}, whose capability bounding set has ${capability}`,
    command: engine.asRoot === 'sudo' ? `sudo ${command}` : engine.asRoot(command),
    call: null,
    opens: `every process of the ${engine.noun} to that one command`,
    apply: changed =>
      withTracer(
        changed,
        {
          uids: allIds(0),
          gids: allIds(0),
          capPermitted: tracer.capBounding,
          capEffective: tracer.capBounding,
        },
        NO_CAPABILITY,
      ),
  };
};

/** The name of the container, app or unit, or a placeholder. */
const instanceOf = ({ name, instance }: Surroundings) =>
  instance ?? (name === 'flatpak' ? 'APP' : name === 'snap' ? 'SNAP' : 'UNIT');

/** A container can be started with the capability, which then counts in the container's user namespace. */
export const addTheCapability: Offer = (question, surroundings) => {
  const engine = engineOf(question, surroundings);
  const isUnit = engine?.noun === 'unit';
  // If root in the container already has the capability, a restart with the capability gives nothing more.
  if (!engine?.addCapability || (hasIt(question) === true && !isUnit)) return null;
  const { capability, rules } = capabilityFor(question);
  const { who, what, command, isRoot } = engine.addCapability(instanceOf(surroundings), capability);
  const isPrivate = isUnit && !isInInitialNamespace(question);
  const more = capabilityMask([capability]);
  return {
    alters: rules,
    power: 4,
    degreeOf: 'capability',
    who,
    what: isPrivate ? `${what}, and PrivateUsers=no` : what,
    command,
    call: null,
    opens: isUnit
      ? 'every process of the host to the unit'
      : 'every process of the container to its root, and of the host if they share its pid namespace',
    apply: before => {
      const question = isPrivate ? inInitialNamespace(before) : before;
      const { capPermitted, capEffective, capInheritable, capBounding } = question.tracer;
      const changes = {
        ...(isRoot ? { uids: allIds(0), gids: allIds(0) } : { capInheritable: joined(capInheritable, more) }),
        capPermitted: joined(capPermitted, more),
        capEffective: joined(capEffective, more),
        capBounding: joined(capBounding, more),
      };
      const ambient = question.program?.credentials.ambient ?? null;
      return withTracer(question, changes, isRoot ? ambient : joined(ambient, more));
    },
  };
};

export const runAsRoot: Offer = (question, surroundings) => {
  const { target, mode } = question;
  const { start, attach } = toolFor(question);
  const engine = engineOf(question, surroundings);
  const outside = confinement(question, surroundings);
  const command = mode === 'traceme' ? start : attach(target.pid);
  const capability = mode === 'perf' ? 'every capability' : 'CAP_SYS_PTRACE';
  const { rules } = capabilityFor(question);
  const hasOtherPids = engine !== null && !engine.sharesPids && mode !== 'traceme';
  return {
    // The seccomp filter doesn't apply outside of the container either.
    alters: engine === null ? rules : [...rules, 'seccomp'],
    power: 4,
    who: outside === null ? whoIsRoot(question) : 'root of the host',
    what: `runs the tracer with ${capability}${outside === null ? '' : `, from outside of ${outside}`}`,
    // Outside of the confinement the command needs another shell.
    command:
      outside === null
        ? asRootOf(question, command)
        : `sudo ${command} (${hasOtherPids ? 'with the pid that it has there' : 'in a shell out there'})`,
    call: null,
    opens: 'every process of the host to that one command',
    apply: changed =>
      asRoot(engine === null ? changed : withTracer(changed, { seccomp: 'none' }), outside !== null),
  };
};

const callsOf = ({ mode }: Question) =>
  mode === 'perf' ? ['perf_event_open'] : ['ptrace', 'process_vm_readv'];

export const leaveTheFilter: Offer = (question, surroundings) => {
  const engine = engineOf(question, surroundings);
  const calls = callsOf(question);
  const ways = {
    who: 'you',
    what: withoutFilter(calls),
    command: null,
  };
  const step = engine === null ? ways : engine.leaveFilter?.(instanceOf(surroundings), calls);
  return step === undefined
    ? null
    : {
        alters: ['seccomp'],
        power: 4,
        ...step,
        call: null,
        opens: 'those system calls to it',
        apply: changed => withTracer(changed, { seccomp: 'none' }),
      };
};

const SET_BY =
  'grep -rs ptrace_scope /etc/sysctl.d /etc/sysctl.conf /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /proc/cmdline';

const LOWER = {
  1: {
    power: 5,
    yama: { state: 'present', value: 1, name: 'restricted' },
    opens: 'every process of this host to its ancestors and to the tracer that it declares',
  },
  0: {
    power: 6,
    yama: { state: 'present', value: 0, name: 'classic' },
    opens: 'every dumpable process of this host to every other process of its uid: a last resort',
  },
} as const;

export const lowerTheScopeTo =
  (lower: 0 | 1): Offer =>
  (question, surroundings) => {
    const { host } = question;
    if (host.yama.state !== 'present' || host.yama.value <= lower) return null;
    const { value } = host.yama;
    const { power, yama, opens } = LOWER[lower];
    const isFinal = value === 3;
    // In a container /proc/sys is read-only, and the scope belongs to the host.
    const isOutside = confinement(question, surroundings) !== null || surroundings.hasReadOnlySysctl;
    return {
      alters: ['yama-scope', 'yama-relation'],
      power,
      degreeOf: 'scope',
      who: isOutside ? 'root of the host' : 'root',
      what: isFinal
        ? `sets kernel.yama.ptrace_scope to ${lower} in the file that sets 3, and reboots: 3 can't be lowered before that (if no file sets 3, a reboot is enough)`
        : `lowers kernel.yama.ptrace_scope from ${value} to ${lower}, until it is set back`,
      command: isFinal
        ? SET_BY
        : isOutside
          ? `sudo sysctl kernel.yama.ptrace_scope=${lower} (on the host)`
          : asRootOf(question, `sysctl kernel.yama.ptrace_scope=${lower}`),
      call: null,
      opens,
      apply: changed => ({ ...changed, host: { ...changed.host, yama } }),
    };
  };
