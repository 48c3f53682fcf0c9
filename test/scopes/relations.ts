// The relations of tracer and target: a family, built by the actor's commands, and everybody's credentials.
import type { Credentials } from './rules.js';

const user = (uid: number, changes: Partial<Credentials> = {}): Credentials => ({
  real: uid,
  effective: uid,
  saved: uid,
  gid: 1000,
  capabilities: [],
  ...changes,
});

export const ordinary = user(1000);
/** Pid 1, and the actor's first process. */
export const fullRoot: Credentials = { real: 0, effective: 0, saved: 0, gid: 0, capabilities: 'all' };

export interface Relation {
  /** The relation of the tracer to the target. */
  readonly name: string;
  /** The actor's commands. Roles without given credentials are ordinary; a role that ends here needs none. */
  readonly family: readonly string[];
  readonly tracer: Credentials;
  readonly target: Credentials;
  /** As a role, or '1'. */
  readonly tracerParent: string;
  readonly targetParent: string;
  readonly tracerIsAncestor: boolean;
}

/** Roles that live on; the conductor stays root. */
const HOUSE = ['elder', 'middle', 'nest'];

export const livingRoles = ({ family }: Relation) =>
  HOUSE.filter(
    role => family.some(line => line.endsWith(` fork ${role}`)) && !family.includes(`${role} exit`),
  );

const related = (
  name: string,
  family: readonly string[],
  [tracerParent, targetParent]: readonly [string, string],
  tracerIsAncestor: boolean,
): Relation => ({
  name,
  family,
  tracer: ordinary,
  target: ordinary,
  tracerParent,
  targetParent,
  tracerIsAncestor,
});

/** Neither is the other's ancestor, and they have no parent in common but the actor's first process. */
const stranger = (name: string, tracer: Credentials, target: Credentials = ordinary): Relation => ({
  ...related(
    name,
    ['conductor fork elder', 'elder fork tracer', 'conductor fork nest', 'nest fork target'],
    ['elder', 'nest'],
    false,
  ),
  tracer,
  target,
});

const CHILD_OF_TRACER = ['conductor fork elder', 'elder fork tracer', 'tracer fork target'];

export const RELATIONS: readonly Relation[] = [
  related('parent', CHILD_OF_TRACER, ['elder', 'tracer'], true),
  related(
    'grandparent',
    ['conductor fork elder', 'elder fork tracer', 'tracer fork middle', 'middle fork target'],
    ['elder', 'middle'],
    true,
  ),
  // The target is the tracer's parent: declaring "the tracer's parent" is declaring oneself.
  related('child', ['conductor fork target', 'target fork tracer'], ['target', 'conductor'], false),
  related(
    'sibling',
    ['conductor fork elder', 'elder fork tracer', 'elder fork target'],
    ['elder', 'elder'],
    false,
  ),
  related(
    'uncle',
    ['conductor fork elder', 'elder fork tracer', 'elder fork middle', 'middle fork target'],
    ['elder', 'middle'],
    false,
  ),
  // Declaring its parent is declaring pid 1, whose descendant everybody is.
  related(
    'orphan adopted by init',
    [
      'conductor fork middle',
      'middle fork tracer',
      'middle exit',
      'conductor reap @middle',
      'conductor fork nest',
      'nest fork target',
    ],
    ['1', 'nest'],
    false,
  ),
  // kernel/exit.c, find_new_reaper(): the nearest living ancestor that is a subreaper.
  related(
    'subreaper that adopted the target',
    [
      'conductor fork elder',
      'elder fork tracer',
      'tracer subreaper',
      'tracer fork middle',
      'middle fork target',
      'middle exit',
      'tracer reap @middle',
    ],
    ['elder', 'tracer'],
    true,
  ),
  related(
    'orphan adopted by the target, a subreaper',
    [
      'conductor fork target',
      'target subreaper',
      'target fork middle',
      'middle fork tracer',
      'middle exit',
      'target reap @middle',
    ],
    ['target', 'conductor'],
    false,
  ),
  related(
    "orphan adopted by the target's parent, a subreaper",
    [
      'conductor fork elder',
      'elder subreaper',
      'elder fork middle',
      'middle fork tracer',
      'middle exit',
      'elder reap @middle',
      'elder fork target',
    ],
    ['elder', 'elder'],
    false,
  ),
  // The present ancestry counts: init is the parent of the target now, and the grandparent is no ancestor any more.
  related(
    'former grandparent of an orphan',
    [
      'conductor fork elder',
      'elder fork tracer',
      'tracer fork middle',
      'middle fork target',
      'middle exit',
      'tracer reap @middle',
    ],
    ['elder', '1'],
    false,
  ),
  stranger('stranger', ordinary),

  stranger('stranger of another uid', user(2000)),
  stranger('stranger of the same uid and another gid', user(1000, { gid: 2000 })),
  stranger('stranger with the real uid only', user(2000, { real: 1000 })),
  stranger('stranger with the effective uid only', user(1000, { real: 2000 })),
  stranger('stranger to a target of another saved uid', ordinary, user(1000, { saved: 2000 })),
  stranger('stranger to a target of another effective uid', ordinary, user(1000, { effective: 2000 })),
  { ...related('parent of another uid', CHILD_OF_TRACER, ['elder', 'tracer'], true), tracer: user(2000) },

  stranger('root', fullRoot),
  stranger('root without a capability', { ...fullRoot, capabilities: [] }),
  stranger('root with CAP_SYS_PTRACE alone', { ...fullRoot, capabilities: ['CAP_SYS_PTRACE'] }),
  stranger('stranger of the same uid with CAP_SYS_PTRACE', user(1000, { capabilities: ['CAP_SYS_PTRACE'] })),
  stranger('stranger of another uid with CAP_SYS_PTRACE', user(2000, { capabilities: ['CAP_SYS_PTRACE'] })),
  stranger('stranger to a target with a capability', ordinary, user(1000, { capabilities: ['CAP_NET_RAW'] })),
  stranger(
    'stranger with the capability of the target',
    user(1000, { capabilities: ['CAP_NET_RAW'] }),
    user(1000, { capabilities: ['CAP_NET_RAW'] }),
  ),
  {
    ...related('parent of a target with a capability', CHILD_OF_TRACER, ['elder', 'tracer'], true),
    target: user(1000, { capabilities: ['CAP_NET_RAW'] }),
  },
];

/** The pid of the role, or '1', that is a parent. */
export function credentialsOf(role: string, { tracer, target }: Relation): Credentials {
  if (role === '1' || role === 'conductor') return fullRoot;
  return role === 'tracer' ? tracer : role === 'target' ? target : ordinary;
}
