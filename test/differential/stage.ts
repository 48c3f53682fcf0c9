// A population as it came to be, and the kernel's answers about it.
import { existsSync, readFileSync } from 'node:fs';
import type { Actor } from '../scopes/actor.js';
import { commandsOf, secretOf } from './commands.js';
import { hasPerfEvents } from './paranoia.js';
import { CONDUCTOR, type Population, type RoleName } from './population.js';
import type { Random } from './random.js';

export const MODES = ['attach', 'vm-read', 'environ', 'perf'] as const;
export type Mode = (typeof MODES)[number];

export interface Role {
  readonly name: RoleName;
  readonly pid: number;
  /** The word in its memory; null if it isn't known. */
  readonly secret: string | null;
  /** It hears commands: it can be asked. */
  readonly isListening: boolean;
}

export interface Staged {
  readonly roles: readonly Role[];
  /** What PR_SET_PTRACER took, by the pid of the process. */
  readonly declared: ReadonlyMap<number, number | 'any' | 'none'>;
}

const KERNEL_THREAD = 2;

/** Nobody can have a part in the population but this one, whom no question harms. */
function kernelThread(): Role[] {
  const path = `/proc/${KERNEL_THREAD}/comm`;
  const isThere = existsSync(path) && readFileSync(path, 'utf8') === 'kthreadd\n';
  return isThere ? [{ name: 'kthreadd', pid: KERNEL_THREAD, secret: null, isListening: false }] : [];
}

export async function stage(actor: Actor, population: Population): Promise<Staged> {
  const lines = commandsOf(population);
  const replies = await actor.run('conductor echo @conductor', ...lines);
  const [conductor, ...values] = replies.map(({ value }) => value);
  const pids = new Map<RoleName, number>([[CONDUCTOR, Number(conductor)]]);
  const declared = new Map<number, number | 'any' | 'none'>();
  const ended = new Set<RoleName>();
  lines.forEach((line, at) => {
    const [role = '', command = '', argument = ''] = line.split(' ');
    const isDone = replies[at + 1]?.answer === '0';
    if (isDone && (command === 'fork' || command === 'begin-thread')) pids.set(argument, Number(values[at]));
    if (isDone && command === 'declare') declared.set(pids.get(role)!, declaration(argument, pids));
    if (command === 'exit' || command === 'leave') ended.add(role);
    if (command === 'reap') pids.delete(argument.slice(1));
  });
  return { roles: [...rolesOf(population, pids, ended), ...kernelThread()], declared };
}

function declaration(argument: string, pids: ReadonlyMap<RoleName, number>): number | 'any' {
  return argument === '-1'
    ? 'any'
    : argument.startsWith('@')
      ? pids.get(argument.slice(1))!
      : Number(argument);
}

function rolesOf(
  population: Population,
  pids: ReadonlyMap<RoleName, number>,
  ended: ReadonlySet<RoleName>,
): Role[] {
  const secrets = [
    CONDUCTOR,
    ...population.filter(({ ends }) => ends !== 'orphaning').map(({ name }) => name),
  ];
  const roles = [
    { name: CONDUCTOR, process: CONDUCTOR },
    ...population.flatMap(({ name, threads }) => [
      { name, process: name },
      ...(threads ?? []).map(thread => ({ name: thread.name, process: name })),
    ]),
  ];
  const isOver = (process: RoleName) =>
    population.some(({ name, ends }) => name === process && ends !== 'leader' && ended.has(name));
  return roles.flatMap(({ name, process }) => {
    const pid = pids.get(name);
    // The other threads of a zombie are nowhere.
    if (pid === undefined || (name !== process && isOver(process))) return [];
    const secret = secretOf(secrets.indexOf(process));
    return [{ name, pid, secret, isListening: !ended.has(name) }];
  });
}

/** What the system call brought: `yes` is the target's own word, `no` is that nothing was had. */
export type KernelAnswer = { readonly is: 'yes' | 'no' | 'odd'; readonly text: string };

/**
 * EPERM; EACCES of an open. ESRCH where there is no memory any more (mm/process_vm_access.c); fs/proc/base.c, environ_open()
 * says that too, and before Linux 6.16 lets one open it and read nothing. perf_event_open says EACCES, or ESRCH of what has
 * ended.
 */
const REFUSALS: Record<Mode, readonly string[]> = {
  attach: ['1'],
  'vm-read': ['1', '3'],
  environ: ['1', '13', '3', '='],
  perf: hasPerfEvents ? ['13', '3'] : ['38'],
};

function answerOf(mode: Mode, text: string, target: Role): KernelAnswer {
  if (REFUSALS[mode].includes(text)) return { is: 'no', text };
  const readsSecret = mode === 'vm-read' || mode === 'environ';
  return { is: text === (readsSecret ? `=${target.secret}` : '=') ? 'yes' : 'odd', text };
}

export interface Answered {
  readonly tracer: Role;
  readonly target: Role;
  readonly answers: Record<Mode, KernelAnswer>;
}

/** Every ordered pair, or of these two only; who asks first, and about whom, is chance. */
export async function askKernel(
  actor: Actor,
  { roles }: Staged,
  random: Random,
  only?: { tracer: RoleName; target: RoleName },
): Promise<Answered[]> {
  const rounds = random
    .shuffle(
      roles.filter(({ name, isListening }) => isListening && (only === undefined || name === only.tracer)),
    )
    .map(tracer => ({
      tracer,
      by: random.pick(['ask-attaching', 'ask-seizing']),
      targets: random.shuffle(roles.filter(({ name }) => only === undefined || name === only.target)),
    }))
    .filter(({ targets }) => targets.length > 0);
  const values = await actor.must(
    ...rounds.map(
      ({ tracer, by, targets }) => `${tracer.name} ${by} ${targets.map(({ pid }) => pid).join(' ')}`,
    ),
  );
  return rounds.flatMap(({ tracer, targets }, round) => {
    const texts = values[round]!.split('/');
    return targets.map((target, at) => {
      const [attach = '', vmRead = '', environ = '', perf = ''] = texts[at]?.split(',') ?? [];
      const answers = {
        attach: answerOf('attach', attach, target),
        'vm-read': answerOf('vm-read', vmRead, target),
        environ: answerOf('environ', environ, target),
        perf: answerOf('perf', perf, target),
      };
      return { tracer, target, answers };
    });
  });
}
