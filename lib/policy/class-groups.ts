import type { ProcessFacts } from '../kernel/process-facts.js';
import { appendTo } from './append-to.js';
import { upwards } from './capable.js';
import { labelKind } from './other-lsm.js';
import type { HostIndex, ProcessClass } from './process-classes.js';
import { hasLikeThreads } from './threads.js';

/** Targets that are the same to whoever sees them as a group. */
export interface Group {
  classes: readonly ProcessClass[];
  /** How many processes. */
  size: number;
}

export interface Groups {
  /** By class: one of that class alone. */
  single: readonly Group[];
  /** Of one user namespace, without those of which an id isn't seen, alike but for their ids and their labels' names. */
  shapes: Map<string, Group[]>;
  /** The ids of classes, by user namespace, and of those of which each is asked about by itself. */
  byNamespace: Map<string, Int32Array>;
  apart: Int32Array;
  /** By a uid and a gid that are throughout. */
  byIds: Map<string, Int32Array>;
  all: Int32Array;
  /** The namespaces of classes: at or below a namespace, and made by a uid, or below one that is. */
  below: Map<string | null, string[]>;
  madeBy: Map<number | null, string[]>;
}

/** Its ids or its namespace aren't seen, or its threads have different rights: no index by one set of rights holds it. */
export const isApart = ({ facts }: ProcessClass) => hasUnseenIds(facts) || !hasLikeThreads(facts);

export const hasUnseenIds = ({ userNs, uids, gids }: ProcessFacts) =>
  userNs === null ||
  [uids.real, uids.effective, uids.saved, gids.real, gids.effective, gids.saved].includes(null);

export const isUniform = ({ uids, gids }: Pick<ProcessFacts, 'uids' | 'gids'>) =>
  [uids, gids].every(({ real, effective, saved }) => real === effective && real === saved);

export const idKey = (uid: number | null, gid: number | null) => `${uid}:${gid}`;

function groupOf(classes: readonly ProcessClass[]): Group {
  return { classes, size: classes.reduce((sum, { members }) => sum + members.length, 0) };
}

export const shapeKey = (its: ProcessClass) => {
  const { memoryUserNs, dumpable, kind, lsmLabel, capPermitted } = its.facts;
  return [memoryUserNs, dumpable, kind, labelKind(lsmLabel), capPermitted, isUniform(its.facts)].join('|');
};

export const idsOf = (classes: readonly ProcessClass[]) => Int32Array.from(classes, ({ id }) => id);

const numbered = (lists: ReadonlyMap<string, ProcessClass[]>) =>
  new Map([...lists].map(([key, classes]) => [key, idsOf(classes)]));

export function groupsOf({ classes, host }: HostIndex): Groups {
  const byNamespace = new Map<string, ProcessClass[]>();
  const byIds = new Map<string, ProcessClass[]>();
  for (const its of classes) {
    const { userNs, uids, gids } = its.facts;
    if (userNs === null || isApart(its)) continue;
    appendTo(byNamespace, userNs, its);
    if (isUniform(its.facts)) appendTo(byIds, idKey(uids.real, gids.real), its);
  }
  const below = new Map<string | null, string[]>();
  const madeBy = new Map<number | null, string[]>();
  for (const userNs of byNamespace.keys()) {
    const chain = upwards(userNs, host.userNsParents);
    for (const above of new Set([...chain, null])) appendTo(below, above, userNs);
    // Whoever made one that isn't seen.
    const owners = chain.map(above => (above === null ? null : (host.userNsParents[above]?.owner ?? null)));
    for (const owner of new Set(owners)) appendTo(madeBy, owner, userNs);
  }
  const shapes = new Map<string, Group[]>();
  for (const [userNs, members] of byNamespace) {
    const byShape = new Map<string, ProcessClass[]>();
    for (const its of members) appendTo(byShape, shapeKey(its), its);
    shapes.set(userNs, [...byShape.values()].map(groupOf));
  }
  return {
    single: classes.map(its => groupOf([its])),
    shapes,
    byNamespace: numbered(byNamespace),
    apart: idsOf(classes.filter(isApart)),
    byIds: numbered(byIds),
    all: idsOf(classes),
    below,
    madeBy,
  };
}
