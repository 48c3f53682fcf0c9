// A population as it came to be.
import { existsSync, readFileSync } from 'node:fs';
import type { Actor } from '../scopes/actor.js';
import { commandsOf, secretOf } from './commands.js';
import { type Confinement, Confinements, UNCONFINED } from './confinement.js';
import { CONDUCTOR, type Population, type RoleName } from './population.js';

export interface Role {
  readonly name: RoleName;
  readonly pid: number;
  /** The word in its memory; null if it isn't known. */
  readonly secret: string | null;
  /** It hears commands: it can be asked. */
  readonly isListening: boolean;
  /** It is not the first thread of its process. */
  readonly isThread: boolean;
  readonly confinement: Confinement;
}

export interface Staged {
  readonly roles: readonly Role[];
  /** What PR_SET_PTRACER took, by the pid of the process. */
  readonly declared: ReadonlyMap<number, number | 'any' | 'none'>;
}

const KERNEL_THREAD = 2;

/** Of the product's own processes only this one can be part of the population, because no question harms it. */
function kernelThread(): Role[] {
  const path = `/proc/${KERNEL_THREAD}/comm`;
  const isThere = existsSync(path) && readFileSync(path, 'utf8') === 'kthreadd\n';
  const facts = { pid: KERNEL_THREAD, secret: null, isListening: false, isThread: false };
  return isThere ? [{ name: 'kthreadd', ...facts, confinement: UNCONFINED }] : [];
}

export async function stage(actor: Actor, population: Population): Promise<Staged> {
  const lines = commandsOf(population);
  const replies = await actor.run('conductor echo @conductor', ...lines);
  const [conductor, ...values] = replies.map(({ value }) => value);
  const pids = new Map<RoleName, number>([[CONDUCTOR, Number(conductor)]]);
  const declared = new Map<number, number | 'any' | 'none'>();
  const ended = new Set<RoleName>();
  const confinements = new Confinements();
  lines.forEach((line, at) => {
    const [role = '', command = '', ...words] = line.split(' ');
    const [argument = ''] = words;
    const isDone = replies[at + 1]?.answer === '0';
    if (isDone) confinements.note(role, command, words);
    if (isDone && (command === 'fork' || command === 'begin-thread')) pids.set(argument, Number(values[at]));
    if (isDone && command === 'declare') declared.set(pids.get(role)!, declaration(argument, pids));
    if (command === 'exit' || command === 'leave') ended.add(role);
    if (command === 'reap') pids.delete(argument.slice(1));
  });
  return { roles: [...rolesOf(population, pids, ended, confinements), ...kernelThread()], declared };
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
  confinements: Confinements,
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
    const isThread = name !== process;
    return [
      { name, pid, secret, isListening: !ended.has(name), isThread, confinement: confinements.of(name) },
    ];
  });
}
