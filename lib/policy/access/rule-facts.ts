import type { ProcessFacts } from '../../kernel/process-facts.js';

/**
 * The side of a question on which the rules read a fact. For `traceme` the rule on seccomp filters reads the other side,
 * because there the target makes the system call.
 */
type Side = 'tracer' | 'target' | 'both';

type Key = string | number | boolean | null;

/** What the rules do with a fact. `Own` is the fact alone, so that a key can use no other fact. */
type FactUse<Own> =
  /** The access check reads the fact. Two processes count as alike where the keys of all these facts are equal. */
  | { use: 'rights'; of: Side; key: (facts: Own) => Key }
  /** The access check reads the fact, but code in the process can raise it at any time, up to another fact. */
  | { use: 'raised'; of: Side }
  /** The fact tells one process from another, or relates two: for Yama, and for the tracer that is attached already. */
  | { use: 'relation'; of: Side }
  /** No rule reads the fact. */
  | { use: 'none' };

const ids = ({ real, effective, saved }: ProcessFacts['uids']): Key =>
  real === effective && real === saved ? real : `${real},${effective},${saved}`;

/**
 * Which facts of a process the rules read, and what for. The classes of processes, their kinds and groups, and the data
 * of the map's page follow from this table. test/unit/rule-facts.property.test.ts holds it to the rules.
 *
 * The fs ids are no part of a key, because code in a process can set them to its real, effective or saved ids
 * (setfsuid(2)).
 */
export const RULE_FACTS = {
  pid: { use: 'relation', of: 'both' },
  ppid: { use: 'relation', of: 'both' },
  tgid: { use: 'relation', of: 'both' },
  startTime: { use: 'none' },
  comm: { use: 'none' },
  kind: { use: 'rights', of: 'target', key: facts => facts.kind },
  uids: { use: 'rights', of: 'both', key: facts => ids(facts.uids) },
  gids: { use: 'rights', of: 'both', key: facts => ids(facts.gids) },
  userNs: { use: 'rights', of: 'both', key: facts => facts.userNs },
  userNsRuledOut: {
    use: 'rights',
    of: 'both',
    key: ({ userNsRuledOut: out }) => (out === null ? null : `${out.id},${out.below},${out.memory}`),
  },
  memoryUserNs: { use: 'rights', of: 'target', key: facts => facts.memoryUserNs },
  capPermitted: { use: 'rights', of: 'both', key: facts => facts.capPermitted },
  capEffective: { use: 'raised', of: 'tracer' },
  capInheritable: { use: 'rights', of: 'tracer', key: facts => facts.capInheritable },
  capBounding: { use: 'rights', of: 'tracer', key: facts => facts.capBounding },
  dumpable: { use: 'rights', of: 'target', key: facts => facts.dumpable },
  seccomp: { use: 'rights', of: 'tracer', key: facts => facts.seccomp },
  noNewPrivs: { use: 'rights', of: 'tracer', key: facts => facts.noNewPrivs },
  tracerPid: { use: 'relation', of: 'target' },
  tracerTgid: { use: 'relation', of: 'target' },
  tracedThreads: { use: 'relation', of: 'both' },
  threadRights: {
    use: 'rights',
    of: 'both',
    // The rules use the rights of threads, but not the numbers of the threads.
    key: ({ threadRights: others }) =>
      others === null || others.length === 0
        ? others && ''
        : JSON.stringify(others.map(({ tid: _, ...rights }) => rights)),
  },
  threads: { use: 'none' },
  // A label may contain any character. With its length before it, no label looks like two facts.
  lsmLabel: {
    use: 'rights',
    of: 'both',
    key: ({ lsmLabel }) => lsmLabel && `${lsmLabel.length}:${lsmLabel}`,
  },
  declaredTracer: { use: 'relation', of: 'target' },
} satisfies { [Name in keyof ProcessFacts]: FactUse<Pick<ProcessFacts, Name>> };

type Table = typeof RULE_FACTS;

/** The names of the facts whose row fits `Row`. */
type FactsWith<Row> = { [Name in keyof Table]: Table[Name] extends Row ? Name : never }[keyof Table];

export type RightsFact = FactsWith<{ use: 'rights' }>;
export type TargetRightsFact = FactsWith<{ use: 'rights'; of: 'target' | 'both' }>;

const NAMES = Object.keys(RULE_FACTS) as (keyof Table)[];
const isRights = (name: keyof Table): name is RightsFact => RULE_FACTS[name].use === 'rights';

/** The facts that the access check compares or weighs. */
export const RIGHTS: readonly RightsFact[] = NAMES.filter(isRights);

/** Those of {@link RIGHTS} that it reads of a target. */
export const TARGET_RIGHTS: readonly TargetRightsFact[] = RIGHTS.filter(
  (name): name is TargetRightsFact => RULE_FACTS[name].of !== 'tracer',
);

/** The key of one fact. Two values with the same key count as alike for every rule. */
export const rightsKeyOf = (name: RightsFact): ((facts: ProcessFacts) => Key) => RULE_FACTS[name].key;
