// The actor's commands (test/native) that create a population.
import { maskOf } from './confinement.js';
import {
  CONDUCTOR,
  type CredentialsSpec,
  type IdSet,
  type Population,
  type ProcessSpec,
  parentAtLast,
  processOf,
  type ThreadSpec,
} from './population.js';

const allRoles = (spec: ProcessSpec): ThreadSpec[] => [spec, ...(spec.threads ?? [])];

function unshare({ owner, group, uidMap, gidMap }: NonNullable<ProcessSpec['namespace']>): string {
  return ['unshare-user', owner, group, uidMap.length, ...uidMap.flat(), ...gidMap.flat()].join(' ');
}

const ALL = 'ffffffffffffffff';
const EVERYTHING = { permitted: ALL, effective: ALL };

const same = (id: number): IdSet => [id, id, id, id];
const joiner = ({ uid, gid }: NonNullable<ProcessSpec['joins']>) => ({ uids: same(uid), gids: same(gid) });

function become(name: string, { uids, gids, permitted, effective }: CredentialsSpec): string {
  return `${name} become-all ${uids.join(' ')} ${gids.join(' ')} 0x${permitted} 0x${effective}`;
}

function confinement({ name, confines }: ThreadSpec, early: boolean): string[] {
  if (confines === undefined || (confines.early ?? false) !== early) return [];
  const { noNewPrivs, filters = [], domains = 0 } = confines;
  return [
    ...(noNewPrivs ? [`${name} no-new-privs`] : []),
    ...filters.map(({ errno, calls }) => `${name} refuse ${errno} ${maskOf(calls)}`),
    ...Array.from({ length: domains }, () => `${name} landlock`),
  ];
}

/** As root, each after its parent, so that it begins with its parent's namespace. */
function birth(spec: ProcessSpec): string[] {
  const { name, parent, subreaper, namespace, joins, executes, threads } = spec;
  return [
    `${parent} fork ${name}`,
    ...(subreaper ? [`${name} subreaper`] : []),
    ...(namespace ? [`${name} ${unshare(namespace)}`] : []),
    ...(joins ? [become(name, { ...joiner(joins), ...EVERYTHING }), `${name} join-user @${joins.role}`] : []),
    ...confinement(spec, true),
    ...(executes ? [`${name} exec`] : []),
    ...(threads ?? []).map(thread => `${name} begin-thread ${thread.name}`),
    ...(threads ?? []).flatMap(thread => confinement(thread, true)),
  ];
}

function credentials({ name, credentials }: ThreadSpec): string[] {
  return credentials ? [become(name, credentials)] : [];
}

const holds = (spec: ThreadSpec, late: boolean) =>
  spec.heldBy !== undefined && (spec.heldBy.late ?? false) === late
    ? [`${spec.heldBy.role} hold @${spec.name}`]
    : [];

function declaration({ name, declares }: ProcessSpec): string[] {
  if (declares === undefined) return [];
  return [`${name} declare ${declares === 'any' ? -1 : declares === 'init' ? 1 : `@${declares}`}`];
}

/** Not for a traced process: only its tracer would notice its end. */
function zombie(population: Population, spec: ProcessSpec): string[] {
  if (spec.ends !== 'zombie' || allRoles(spec).some(({ heldBy }) => heldBy !== undefined)) return [];
  const parent = parentAtLast(population, spec);
  return parent === null ? [] : [`${spec.name} exit`, `${parent} await-zombie @${spec.name}`];
}

function leaderEnd({ name, ends, threads }: ProcessSpec): string[] {
  const other = threads?.[0];
  return ends === 'leader' && other !== undefined ? [`${name} leave`, `${other.name} await-leader`] : [];
}

export function commandsOf(population: Population): string[] {
  const living = population.filter(({ ends }) => ends !== 'orphaning');
  const ending = population.filter(({ ends }) => ends === 'orphaning').reverse();
  return [
    ...population.flatMap(birth),
    ...ending.flatMap(spec => [
      `${spec.name} exit`,
      `${processOf(population, spec.parent)?.name ?? CONDUCTOR} reap @${spec.name}`,
    ]),
    ...[CONDUCTOR, ...living.map(({ name }) => name)].map((name, at) => `${name} secret 0x${secretOf(at)}`),
    ...living.flatMap(allRoles).flatMap(spec => holds(spec, false)),
    ...living.flatMap(allRoles).flatMap(spec => confinement(spec, false)),
    ...living.flatMap(allRoles).flatMap(credentials),
    ...living.flatMap(({ name, dumpable }) =>
      dumpable === undefined ? [] : [`${name} dumpable ${dumpable ? 1 : 0}`],
    ),
    ...living.flatMap(allRoles).flatMap(spec => holds(spec, true)),
    ...living.flatMap(declaration),
    ...living.flatMap(spec => zombie(population, spec)),
    ...living.flatMap(leaderEnd),
  ];
}

/** The word in a process' memory and environment, by its place in the population; the conductor's is the first. */
export function secretOf(at: number): string {
  return (0x5ec2e7n * 0x1_0000_0000n + BigInt(at + 1)).toString(16).padStart(16, '0');
}
