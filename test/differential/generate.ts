// A random population.
import {
  generateCredentials,
  generateId,
  ID_POOL,
  type IdsAtHand,
  INITIAL_IDS,
} from './generate-credentials.js';
import {
  CONDUCTOR,
  type Held,
  type MapLine,
  type NamespaceSpec,
  type Population,
  type ProcessSpec,
  type RoleName,
  type ThreadSpec,
} from './population.js';
import type { Random } from './random.js';

/** The lines of an id map, and the ids that one can have inside. */
interface IdMap {
  readonly lines: readonly MapLine[];
  readonly inside: readonly number[];
}

/**
 * Maps to ids that other processes have too, so that a namespace alone makes no difference of ids. Its root is mostly
 * not the global root, because then the owner of the memory could not be seen.
 */
function generateMap(random: Random, atHand: readonly number[], isInitial: boolean): IdMap {
  const chosen = random.shuffle(atHand).slice(0, random.chance(0.8) ? 3 : 1);
  const outside = random.chance(0.8) ? chosen.sort((a, b) => Number(a === 0) - Number(b === 0)) : chosen;
  const from = (start: number): IdMap => ({
    lines: outside.map((id, at) => [start + at, id, 1]),
    inside: outside.map((_, at) => start + at),
  });
  const kind = random.pickWeighted([
    ['none', 5],
    ['from 0', 70],
    ['without 0', 5],
    ['the same', 5],
    ['whole', 5],
    ['shifted', 10],
  ]);
  if (kind === 'none') return { lines: [], inside: [] };
  if (kind === 'without 0') return from(1000);
  if (kind === 'the same') return { lines: outside.map(id => [id, id, 1]), inside: outside };
  if (kind === 'from 0' || !isInitial) return from(0);
  if (kind === 'whole') return { lines: [[0, 0, 2 ** 32 - 1]], inside: ID_POOL };
  return { lines: [[0, 100_000, 65_536]], inside: [0, 1000] };
}

function generateNamespace(random: Random, { uids, gids, isInitial }: IdsAtHand): [NamespaceSpec, IdsAtHand] {
  const uidMap = generateMap(random, uids, isInitial);
  const gidMap = random.chance(0.8) && uids === gids ? uidMap : generateMap(random, gids, isInitial);
  const spec = {
    owner: generateId(random, uids, isInitial),
    group: generateId(random, gids, isInitial),
    uidMap: uidMap.lines,
    gidMap: gidMap.lines,
  };
  return [spec, { uids: uidMap.inside, gids: gidMap.inside, isInitial: false }];
}

/** The specification, and the facts that the next specifications depend on. */
interface Drawn {
  spec: ProcessSpec;
  ids: IdsAtHand;
}

/** Whether one in a namespace is dumpable is often hidden, and what one can't tell can't be wrong. */
const MOST_NAMESPACED = 6;

function generateProcess(random: Random, name: RoleName, before: readonly Drawn[]): Drawn {
  const namespaced = before.filter(each => !each.ids.isInitial);
  const isCrowded = namespaced.length > MOST_NAMESPACED;
  const possible = isCrowded ? before.filter(each => each.ids.isInitial) : before;
  const parent = random.chance(0.25) ? undefined : possible[random.below(possible.length)];
  const forking =
    parent?.spec.threads !== undefined && random.chance(0.4)
      ? random.pick(parent.spec.threads).name
      : parent?.spec.name;
  let ids = parent?.ids ?? INITIAL_IDS;
  let place: Pick<ProcessSpec, 'namespace' | 'joins'> = {};
  const kind = random.pickWeighted([
    ['inherited', 8.5],
    // Within another one, too: whose owner is a uid of that.
    ['its own', ids.isInitial ? 0.9 : 1.8],
    ['joined', 1.2],
  ]);
  if (kind === 'its own' && !isCrowded) {
    const [namespace, inside] = generateNamespace(random, ids);
    place = { namespace };
    ids = inside;
  } else if (kind === 'joined' && namespaced.length > 0 && !isCrowded) {
    const other = random.pick(namespaced);
    const uid = generateId(random, ids.uids, ids.isInitial);
    const gid = generateId(random, ids.gids, ids.isInitial);
    place = { joins: { role: other.spec.name, uid, gid } };
    ids = other.ids;
  }
  const executes = random.chance(ids.isInitial ? 0.1 : 0.4);
  const threads = Array.from({ length: random.chance(0.15) ? 1 + random.below(2) : 0 }, (_, at) => ({
    name: `${name}t${at + 1}`,
  }));
  const spec: ProcessSpec = {
    name,
    parent: forking ?? CONDUCTOR,
    ...place,
    ...(executes && { executes }),
    ...(threads.length > 0 && { threads }),
    ...(random.chance(0.1) && { subreaper: true }),
  };
  return { spec, ids };
}

/**
 * Chooses the tracer. A leader traces only processes that come later: at the end each process waits for its children
 * and tracees, and no two shall wait for each other. The other threads just end.
 */
function generateHeld(
  random: Random,
  at: number,
  processes: readonly ProcessSpec[],
): { heldBy: Held } | undefined {
  if (!random.chance(0.07)) return undefined;
  const leaders = processes.slice(0, at).filter(({ ends }) => ends === undefined);
  const others = processes.filter(
    (spec, place) => place !== at && spec.ends !== 'orphaning' && spec.ends !== 'zombie',
  );
  const holders = [
    CONDUCTOR,
    ...leaders.map(({ name }) => name),
    ...others.flatMap(spec => spec.threads ?? []).map(({ name }) => name),
  ];
  return { heldBy: { role: random.pick(holders), ...(random.chance(0.25) && { late: true }) } };
}

function generateDeclaration(
  random: Random,
  spec: ProcessSpec,
  processes: readonly ProcessSpec[],
): Partial<ProcessSpec> {
  if (!random.chance(0.35)) return {};
  const all = processes.flatMap(each => [each.name, ...(each.threads ?? []).map(({ name }) => name)]);
  const kind = random.pickWeighted([
    ['any', 3],
    ['init', 1],
    ['parent', 2],
    ['one', 6],
  ]);
  return { declares: kind === 'parent' ? spec.parent : kind === 'one' ? random.pick(all) : kind };
}

function generateEnd(random: Random, spec: ProcessSpec, hasChildren: boolean): Partial<ProcessSpec> {
  if (hasChildren && random.chance(0.12)) return { ends: 'orphaning' };
  if (random.chance(0.03)) return { ends: 'zombie' };
  return spec.threads && random.chance(0.15) ? { ends: 'leader' } : {};
}

export function generatePopulation(random: Random): Population {
  const drawn: Drawn[] = [];
  const size = 16 + random.below(9);
  while (drawn.length < size) drawn.push(generateProcess(random, `p${drawn.length + 1}`, drawn));

  const parents = new Set(drawn.map(({ spec }) => spec.parent));
  const ending = drawn.map(({ spec }) => ({
    ...spec,
    ...generateEnd(
      random,
      spec,
      parents.has(spec.name) || (spec.threads?.some(({ name }) => parents.has(name)) ?? false),
    ),
  }));
  return ending.map((spec, at) => {
    const { ids } = drawn[at]!;
    const credentials = () => generateCredentials(random, ids);
    const own = credentials();
    const thread = ({ name }: ThreadSpec): ThreadSpec => ({
      name,
      ...(random.chance(0.4) ? credentials() : own),
      ...generateHeld(random, at, ending),
    });
    return {
      ...spec,
      ...own,
      ...(spec.threads && { threads: spec.threads.map(thread) }),
      ...(random.chance(ids.isInitial ? 0.75 : 0.5)
        ? { dumpable: true }
        : random.chance(0.8)
          ? { dumpable: false }
          : {}),
      ...generateDeclaration(random, spec, ending),
      // Only its tracer would notice its end.
      ...(spec.ends !== 'zombie' && generateHeld(random, at, ending)),
    };
  });
}
