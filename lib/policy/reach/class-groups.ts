import type { ProcessFacts } from '../../kernel/process-facts.js';
import { upwards } from '../access/capable.js';
import { labelKind } from '../access/other-lsm.js';
import { rightsKeyOf, TARGET_RIGHTS, type TargetRightsFact } from '../access/rule-facts.js';
import { hasLikeThreads } from '../access/threads.js';
import { appendTo } from './append-to.js';
import type { HostIndex, ProcessClass } from './process-classes.js';

/** Target classes that a tracer need not tell apart, where ids don't matter. */
export interface Group {
  classes: readonly ProcessClass[];
  /** The number of processes. */
  size: number;
}

export interface Groups {
  /** By class: a group of that class alone. */
  single: readonly Group[];
  /** By user namespace: groups of classes that differ only in their ids and the names of their labels. */
  shapes: Map<string, Group[]>;
  /** By user namespace: the ids of its classes. The classes in `apart` belong to no namespace here. */
  byNamespace: Map<string, Int32Array>;
  apart: Int32Array;
  /** The ids of classes whose uids are all one uid and whose gids are all one gid, by these two. */
  byIds: Map<string, Int32Array>;
  all: Int32Array;
  /** The namespaces of classes, by a namespace above them (or the same), and by the owner of a namespace above them. */
  below: Map<string | null, string[]>;
  madeBy: Map<number | null, string[]>;
}

/**
 * An index by one set of rights can't hold a class with unseen ids, an unseen namespace or threads of different rights.
 */
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

/** The facts of which a tracer need not know all, where ids don't matter. Every other fact counts by its own key. */
const PARTS: { readonly [Name in TargetRightsFact]?: (facts: ProcessFacts) => unknown } = {
  // The uids and the gids count together.
  uids: isUniform,
  gids: () => null,
  lsmLabel: ({ lsmLabel }) => labelKind(lsmLabel),
};

const KEYS = TARGET_RIGHTS.map(name => PARTS[name] ?? rightsKeyOf(name));

const shapeKey = ({ facts }: ProcessClass) => KEYS.map(keyOf => keyOf(facts)).join('|');

export const idsOf = (classes: readonly ProcessClass[]) => Int32Array.from(classes, ({ id }) => id);

const numbered = (lists: ReadonlyMap<string, ProcessClass[]>) =>
  new Map([...lists].map(([key, classes]) => [key, idsOf(classes)]));

export function groupsOf({ classes, host }: HostIndex): Groups {
  const byNamespace = new Map<string, ProcessClass[]>();
  const byIds = new Map<string, ProcessClass[]>();
  for (const cls of classes) {
    const { userNs, uids, gids } = cls.facts;
    if (userNs === null || isApart(cls)) continue;
    appendTo(byNamespace, userNs, cls);
    if (isUniform(cls.facts)) appendTo(byIds, idKey(uids.real, gids.real), cls);
  }
  const below = new Map<string | null, string[]>();
  const madeBy = new Map<number | null, string[]>();
  for (const userNs of byNamespace.keys()) {
    const chain = upwards(userNs, host.userNsParents);
    for (const above of new Set([...chain, null])) appendTo(below, above, userNs);
    // Null stands for an unseen owner.
    const owners = chain.map(above => (above === null ? null : (host.userNsParents[above]?.owner ?? null)));
    for (const owner of new Set(owners)) appendTo(madeBy, owner, userNs);
  }
  const shapes = new Map<string, Group[]>();
  for (const [userNs, members] of byNamespace) {
    const byShape = new Map<string, ProcessClass[]>();
    for (const cls of members) appendTo(byShape, shapeKey(cls), cls);
    shapes.set(userNs, [...byShape.values()].map(groupOf));
  }
  return {
    single: classes.map(cls => groupOf([cls])),
    shapes,
    byNamespace: numbered(byNamespace),
    apart: idsOf(classes.filter(isApart)),
    byIds: numbered(byIds),
    all: idsOf(classes),
    below,
    madeBy,
  };
}
