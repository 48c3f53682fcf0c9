import type { FileSite } from '../../kernel/core-site.js';
import type { Action } from '../remedies/change.js';
import { type Choice, leastChanges } from '../remedies/change-search.js';
import { action, instead, NO_SUCH_PROCESS, type Remedy } from '../remedies/remedies.js';
import type { Surroundings } from '../remedies/surroundings.js';
import { checkCoreDump, templateOf } from './core-dump.js';
import type { CoreFacts, CoreRuleId, CoreVerdict } from './verdict.js';

/** One change that a person or a process can make, and its effect on the facts. */
interface CoreChange extends Action, Choice {
  alters: readonly CoreRuleId[];
  apply(facts: CoreFacts): CoreFacts;
}

type Offer = (facts: CoreFacts, surroundings: Surroundings) => CoreChange | null;

const withProcess = (facts: CoreFacts, changes: Partial<NonNullable<CoreFacts['process']>>): CoreFacts =>
  facts.process === null ? facts : { ...facts, process: { ...facts.process, ...changes } };

const FREE_SITE: FileSite = {
  directories: [{ path: '/', uid: 0, gid: 0, mode: 0o1777 }],
  missing: null,
  isReadOnly: false,
  keepsOwners: true,
  existing: null,
};

const pidOf = ({ target }: CoreFacts) => target?.pid ?? 0;
const itsUser = ({ target }: CoreFacts) =>
  target?.uids.real === 0 ? 'root' : `its user (uid ${target?.uids.real ?? '?'}), or root`;

/** A systemd unit runs on the host itself, so that root in the unit is root of the host. */
const whoWritesSysctls = ({ name, hasReadOnlySysctl }: Surroundings) =>
  (name === null || name === 'systemd') && !hasReadOnlySysctl ? 'root' : 'root of the host';

/** The text for later starts of the program; the command changes only the running process. */
const AT_A_START = 'for a new start `ulimit -c unlimited` in the shell, LimitCORE=infinity in the unit';

const ITS_MEMORY = 'all its memory to every program or user that gets the core';

/** A process may raise its soft limit up to the hard limit. Kernel: kernel/sys.c, do_prlimit() */
const raiseTheSoftLimit: Offer = facts => {
  const limit = facts.process?.limit;
  const template = templateOf(facts);
  if (limit == null || template === null) return null;
  const { hard } = limit;
  // For a pipe the kernel treats only a limit of 1 as a refusal. With a hard limit of 1 the soft limit can still be 0.
  const soft = template.kind === 'pipe' && hard === 1 ? 0 : hard;
  if (template.kind !== 'pipe' && soft !== 'unlimited' && soft < facts.settings.smallestLimit) return null;
  return {
    alters: ['core-limit'],
    power: 1,
    degreeOf: 'limit',
    who: itsUser(facts),
    what: `sets its soft RLIMIT_CORE (${AT_A_START})`,
    command: `prlimit --pid ${pidOf(facts)} --core=${soft}:`,
    call: null,
    opens: ITS_MEMORY,
    apply: changed => withProcess(changed, { limit: { soft, hard } }),
  };
};

const raiseTheHardLimit: Offer = facts => ({
  alters: ['core-limit'],
  power: 3,
  degreeOf: 'limit',
  who: 'root',
  what: `raises its hard RLIMIT_CORE too (${AT_A_START})`,
  command: `sudo prlimit --pid ${pidOf(facts)} --core=unlimited:unlimited`,
  call: null,
  opens: ITS_MEMORY,
  apply: changed => withProcess(changed, { limit: { soft: 'unlimited', hard: 'unlimited' } }),
});

const raiseTheFileSizeLimit: Offer = facts => ({
  alters: ['file-size-limit'],
  power: 1,
  who: itsUser(facts),
  what: 'raises its soft RLIMIT_FSIZE, as far as the hard one goes',
  command: `prlimit --pid ${pidOf(facts)} --fsize=unlimited:`,
  call: null,
  opens: 'nothing',
  apply: changed => withProcess(changed, { fileSizeLimit: 'unlimited' }),
});

const becomeDumpable: Offer = () => ({
  alters: ['dumpable', 'safe-path', 'existing-file', 'directory'],
  power: 2,
  who: 'the process',
  what: 'becomes dumpable',
  command: null,
  call: "setDumpable('user'), in C prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)",
  opens:
    'its environment and memory maps to every process of its uid, and attaching to those that ptrace_scope allows',
  apply: facts => withProcess(facts, { dumpable: ['user'] }),
});

/** Kernel: fs/exec.c, begin_new_exec(); kernel/cred.c, commit_creds() */
const dumpAsRoot: Offer = (facts, surroundings) =>
  facts.process?.dumpable.includes('user') !== false
    ? null
    : {
        alters: ['dumpable'],
        power: 4,
        who: whoWritesSysctls(surroundings),
        what: 'sets fs.suid_dumpable to 2; then start the program again. That helps if the program is set-id, has capabilities, may not be read or changes its ids, but not if it opts out itself',
        command: 'sudo sysctl fs.suid_dumpable=2',
        call: null,
        opens: 'the memory of such programs to root, and to the program in core_pattern',
        apply: changed => withProcess(changed, { dumpable: ['root'] }),
      };

const startItElsewhere: Offer = facts => {
  const template = templateOf(facts);
  if (template?.kind !== 'file' || template.path.startsWith('/')) return null;
  return {
    alters: ['directory', 'existing-file'],
    power: 1,
    who: 'you',
    what: 'start it in a directory where its user may write: core_pattern is relative to its working directory',
    command: null,
    call: null,
    opens: 'nothing',
    apply: changed => ({ ...changed, sites: { ...changed.sites, user: FREE_SITE } }),
  };
};

const removeTheOldOne: Offer = facts => {
  const template = templateOf(facts);
  if (template?.kind !== 'file') return null;
  const isFree = (site: FileSite | null) => site && { ...site, existing: null };
  return {
    alters: ['existing-file'],
    power: 1,
    who: 'you',
    what: `move away the file that has the name of the core: ${template.path}`,
    command: null,
    call: null,
    opens: 'nothing',
    apply: changed => ({
      ...changed,
      sites: { user: isFree(changed.sites.user), root: isFree(changed.sites.root) },
    }),
  };
};

const CRASH_DIRECTORY = '/var/crash';
const SAFE_PATTERN = `${CRASH_DIRECTORY}/core.%e.%p`;

const setThePattern: Offer = (_facts, surroundings) => ({
  alters: ['core-pattern', 'safe-path', 'directory', 'existing-file', 'helper', 'socket'],
  power: 5,
  who: whoWritesSysctls(surroundings),
  what: 'has the cores of the whole host written to a directory of their own, until core_pattern is set back',
  command: `sudo install -d -m 1777 ${CRASH_DIRECTORY} && sudo sysctl kernel.core_pattern=${SAFE_PATTERN}`,
  call: null,
  opens: 'nothing to other users: each core has mode 600 and belongs to the user of the crashed process',
  apply: facts => ({
    ...facts,
    settings: { ...facts.settings, pattern: SAFE_PATTERN },
    sites: { user: FREE_SITE, root: FREE_SITE },
  }),
});

const OFFERS: readonly Offer[] = [
  raiseTheSoftLimit,
  raiseTheHardLimit,
  raiseTheFileSizeLimit,
  becomeDumpable,
  dumpAsRoot,
  startItElsewhere,
  removeTheOldOne,
  setThePattern,
];

/** What to do instead, where the process can't crash any more or the kernel writes no core dumps. */
const INSTEAD: Partial<Record<CoreRuleId, (facts: CoreFacts) => readonly Remedy[]>> = {
  'no-such-process': () => NO_SUCH_PROCESS,
  'kernel-thread': () => [
    instead('root', 'looks at the kernel log: a fault in a kernel thread is an oops there', 'dmesg'),
  ],
  zombie: () => [instead('you', 'look for the core that it may have left when it ended', 'coredumpctl list')],
  exiting: facts => [
    instead(
      'you',
      facts.process?.isDumping === true
        ? 'wait until its core is written, and it is gone'
        : 'wait until it is gone, and look at how it ended',
    ),
  ],
  'no-support': () => [instead('root', 'boots a kernel that has CONFIG_COREDUMP')],
};

const refusals = ({ steps }: CoreVerdict) =>
  steps.filter(({ outcome }) => outcome === 'deny').map(({ rule }) => rule);

/**
 * The changes after which a process without a core leaves one, from what opens least to what opens most. Each change is
 * tried on the model before it is offered. Pure.
 */
export function coreRemedies(facts: CoreFacts, verdict: CoreVerdict, surroundings: Surroundings): Remedy[] {
  const refusing = refusals(verdict);
  const other = INSTEAD[verdict.decidedBy];
  if (other !== undefined) return [...other(facts)];
  const changes = OFFERS.map(offer => offer(facts, surroundings)).filter(
    (change): change is CoreChange => change?.alters.some(rule => refusing.includes(rule)) === true,
  );
  // A later rule with an unknown outcome may still refuse. A change has to remove the refusals, not the unknown outcomes.
  const helps = (chosen: readonly CoreChange[]) =>
    checkCoreDump(chosen.reduce((changed, change) => change.apply(changed), facts)).verdict !== 'denied';
  return leastChanges(changes, helps).map(chosen => ({ kind: 'change', actions: chosen.map(action) }));
}
