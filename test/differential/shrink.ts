// The smallest population that still shows a difference.
import type { FilterSpec } from './confinement.js';
import {
  CONDUCTOR,
  type ConfinementSpec,
  type Population,
  type ProcessSpec,
  type RoleName,
  type ThreadSpec,
} from './population.js';

/** Without a process: its children are its parent's. */
function without(population: Population, name: RoleName): Population {
  const gone = population.find(each => each.name === name);
  const isOf = (role: RoleName) => role === name || gone?.threads?.some(thread => thread.name === role);
  return population
    .filter(each => each.name !== name)
    .map(each => (isOf(each.parent) ? { ...each, parent: gone?.parent ?? CONDUCTOR } : each));
}

function withoutThread(population: Population, name: RoleName): Population {
  return population.map(each => {
    const leader = population.find(({ threads }) => threads?.some(thread => thread.name === each.parent));
    const rehomed = each.parent === name && leader ? { ...each, parent: leader.name } : each;
    const threads = rehomed.threads?.filter(thread => thread.name !== name);
    if (threads?.length === rehomed.threads?.length) return rehomed;
    const { threads: _, ...rest } = rehomed;
    return threads?.length ? { ...rest, threads } : rest;
  });
}

const ATTRIBUTES = [
  'subreaper',
  'namespace',
  'joins',
  'executes',
  'dumpable',
  'declares',
  'ends',
  'heldBy',
  'credentials',
  'confines',
] as const;

function simplerCredentials<T extends ThreadSpec>(spec: T): T[] {
  const { credentials } = spec;
  if (credentials === undefined) return [];
  const { uids, gids, permitted, effective } = credentials;
  const same = (id: number) => [id, id, id, id] as const;
  const changes = [
    { uids: same(1000) },
    { uids: same(uids[1]) },
    { gids: same(1000) },
    { gids: same(gids[1]) },
    { permitted: '0', effective: '0' },
    { effective: permitted },
    { effective: '0' },
  ];
  return changes
    .map(change => ({ ...credentials, ...change }))
    .filter(next => JSON.stringify(next) !== JSON.stringify({ uids, gids, permitted, effective }))
    .map(next => ({ ...spec, credentials: next }));
}

function simplerConfinement<T extends ThreadSpec>(spec: T): T[] {
  const { confines } = spec;
  if (confines === undefined) return [];
  const { filters = [], domains = 0, ...rest } = confines;
  const parts = { ...(filters.length > 0 && { filters }), ...(domains > 0 && { domains }) };
  const withCalls = (at: number, calls: FilterSpec['calls']) =>
    filters.with(at, { errno: filters[at]!.errno, calls });
  const simpler: ConfinementSpec[] = [
    ...(filters.length > 0 ? [{ ...rest, ...(domains > 0 && { domains }) }] : []),
    ...(domains > 0 ? [{ ...rest, ...(filters.length > 0 && { filters }) }] : []),
    ...(domains > 1 ? [{ ...confines, domains: 1 }] : []),
    ...(rest.early ? [{ ...parts, ...(rest.noNewPrivs && { noNewPrivs: true }) }] : []),
    ...(rest.noNewPrivs ? [{ ...parts, ...(rest.early && { early: true }) }] : []),
    ...(filters.length > 1 ? filters.map(one => ({ ...confines, filters: [one] })) : []),
    ...filters.flatMap(({ calls }, at) =>
      calls.length < 2
        ? []
        : calls.map(call => ({
            ...confines,
            filters: withCalls(
              at,
              calls.filter(each => each !== call),
            ),
          })),
    ),
  ];
  return simpler.map(next => ({ ...spec, confines: next }));
}

function simplerProcess(spec: ProcessSpec): ProcessSpec[] {
  const stripped = ATTRIBUTES.filter(attribute => spec[attribute] !== undefined).map(attribute => {
    const { [attribute]: _, ...rest } = spec;
    return rest as ProcessSpec;
  });
  const plainMaps = spec.namespace
    ? [{ ...spec, namespace: { ...spec.namespace, uidMap: [], gidMap: [] } }]
    : [];
  const isPlain = !spec.namespace?.uidMap.length && !spec.namespace?.gidMap.length;
  const threads = (spec.threads ?? []).flatMap((thread, at) => {
    const { confines, ...free } = thread;
    const { credentials, heldBy, ...bare } = free;
    const simpler = [
      ...(credentials || heldBy || confines ? [bare] : []),
      ...(confines ? [free] : []),
      ...simplerCredentials(thread),
      ...simplerConfinement(thread),
    ];
    return simpler.map(next => ({ ...spec, threads: spec.threads!.with(at, next) }));
  });
  const orphaned = spec.parent === CONDUCTOR ? [] : [{ ...spec, parent: CONDUCTOR }];
  return [
    ...stripped,
    ...orphaned,
    ...(isPlain ? [] : plainMaps),
    ...threads,
    ...simplerCredentials(spec),
    ...simplerConfinement(spec),
  ];
}

/** One step simpler each, the larger steps first. */
function* simpler(population: Population, kept: readonly RoleName[]): Generator<Population> {
  const isKept = ({ name, threads }: ProcessSpec) =>
    kept.includes(name) || threads?.some(each => kept.includes(each.name));
  for (const spec of population) if (!isKept(spec)) yield without(population, spec.name);
  for (const { threads } of population) {
    for (const { name } of threads ?? []) if (!kept.includes(name)) yield withoutThread(population, name);
  }
  for (const [at, spec] of population.entries()) {
    for (const next of simplerProcess(spec)) yield population.with(at, next);
  }
}

/** `tries` bounds the work. */
export async function shrink(
  population: Population,
  kept: readonly RoleName[],
  isStillWrong: (smaller: Population) => Promise<boolean>,
  tries = 400,
): Promise<Population> {
  let smallest = population;
  for (let isDone = false; !isDone; ) {
    isDone = true;
    for (const candidate of simpler(smallest, kept)) {
      if (tries-- === 0) return smallest;
      if (!(await isStillWrong(candidate))) continue;
      smallest = candidate;
      isDone = false;
      break;
    }
  }
  return smallest;
}
