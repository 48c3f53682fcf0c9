// Programs of many kinds and random accesses between them, from a seed alone: the same at each ptrace_scope.
import { Random } from '../differential/random.js';
import { become } from '../scopes/actor.js';
import type { Credentials } from '../scopes/rules.js';

/** The actor's commands, by the way in that `tracegate watch` reports. */
export const COMMANDS = {
  attach: 'attach',
  seize: 'seize',
  process_vm_readv: 'readv',
  process_vm_writev: 'writev',
  mem: 'mem',
  pidfd_getfd: 'getfd',
  kcmp: 'kcmp',
  perf_event_open: 'perf',
} as const;
export type Way = keyof typeof COMMANDS | 'traceme';

export interface Program {
  readonly role: string;
  /** The role that forks it. */
  readonly parent: string;
  readonly credentials: Credentials;
  /** It executes its file again after the change of credentials: it is dumpable then, and has the capabilities of root alone. */
  readonly executes: boolean;
  readonly dumpable: boolean | null;
  readonly declares: string | null;
}

export interface Access {
  readonly way: Way;
  readonly tracer: string;
  readonly target: string;
}

const user = (real: number, effective = real): Credentials => ({
  real,
  effective,
  saved: real,
  gid: 1000,
  capabilities: [],
});

const KINDS: readonly (readonly [Pick<Program, 'credentials' | 'executes'>, number])[] = [
  [{ credentials: user(1000), executes: true }, 45],
  [{ credentials: user(1001), executes: true }, 20],
  [{ credentials: { ...user(1000), capabilities: ['CAP_SYS_PTRACE'] }, executes: false }, 8],
  [{ credentials: { ...user(0), gid: 0, capabilities: 'all' }, executes: true }, 12],
  [{ credentials: { ...user(0), gid: 0 }, executes: false }, 5],
  // Not dumpable, since its effective uid has changed.
  [{ credentials: user(1000, 1001), executes: false }, 10],
];

export function drawPrograms(seed: number, count: number): Program[] {
  const random = new Random(seed, 'programs');
  const roles = Array.from({ length: count }, (_, at) => `p${at}`);
  return roles.map((role, at) => ({
    role,
    parent: at === 0 || random.chance(0.4) ? 'conductor' : random.pick(roles.slice(0, at)),
    ...random.pickWeighted(KINDS),
    dumpable: random.pickWeighted([
      [null, 70],
      [true, 15],
      [false, 15],
    ]),
    declares: random.chance(0.3) ? random.pick(['any', 'none', ...roles]) : null,
  }));
}

export function drawAccesses(seed: number, programs: readonly Program[], count: number): Access[] {
  const random = new Random(seed, 'accesses');
  const ways: readonly Way[] = [...(Object.keys(COMMANDS) as Way[]), 'traceme'];
  const others = (role: string) => programs.filter(program => program.role !== role);
  return Array.from({ length: count }, () => {
    const { role } = random.pick(programs);
    const way = random.pick(ways);
    const target = random.pick(others(role)).role;
    // A program that a child asks to trace it.
    return way === 'traceme' ? { way, tracer: role, target: 'child' } : { way, tracer: role, target };
  });
}

/** All processes are forked, and have their files, before the first gives its rights up. */
export function stagingOf(programs: readonly Program[]): string[] {
  return [
    ...programs.map(({ role, parent }) => `${parent} fork ${role}`),
    ...programs.map(({ role }, at) => `${role} exec-copy ${at}`),
    ...programs.flatMap(({ role, credentials, executes, dumpable }) => [
      `${role} ${become(credentials)}`,
      ...(executes ? [`${role} exec`] : []),
      ...(dumpable === null ? [] : [`${role} dumpable ${Number(dumpable)}`]),
    ]),
    ...programs.flatMap(({ role, declares }) => {
      if (declares === null) return [];
      const tracer = declares === 'any' ? '-1' : declares === 'none' ? '0' : `@${declares}`;
      return [`${role} declare ${tracer}`];
    }),
  ];
}

/** The commands of one access; the answer is that of the last but `after`. */
export const commandsOf = ({ way, tracer, target }: Access): { lines: string[]; at: number } =>
  way === 'traceme'
    ? {
        lines: [`${tracer} fork child`, 'child traceme', 'child exit', `${tracer} reap @child`],
        at: 1,
      }
    : { lines: [`${tracer} ${COMMANDS[way]} @${target}`], at: 0 };
