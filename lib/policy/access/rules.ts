import { capabilityNames } from '../../kernel/capabilities.js';
import type { ProcessFacts, SeenIds } from '../../kernel/process-facts.js';
import { ACCESS_CHECKS } from './access-mode.js';
import { processName } from './ancestry.js';
import {
  capable,
  capableAtOrAbove,
  capableInInitial,
  capableOver,
  holds,
  isWithin,
  sharesUserNs,
  upwards,
} from './capable.js';
import { allEqual, both, either, equal, type Fact, whichever } from './fact.js';
import { type Judgement, judgement, type Question } from './question.js';
import type { RuleId } from './verdict.js';

const isFilesCredentials = ({ mode }: Question) =>
  mode !== 'traceme' && ACCESS_CHECKS[mode].credentials === 'FSCREDS';

/**
 * The judgements of a rule that CAP_SYS_PTRACE overrides.
 *
 * @param where the user namespace in which the tracer needs the capability
 */
function unlessCapable(rule: RuleId, where: string, told: string | ((question: Question) => string)) {
  const finding = typeof told === 'string' ? () => told : told;
  const capability = `CAP_SYS_PTRACE in ${where}`;
  const passing = judgement(rule, 'pass', finding);
  const withIt = judgement(rule, 'pass', question => `${finding(question)}; the tracer has ${capability}`);
  const withoutIt = judgement(
    rule,
    'deny',
    question => `${finding(question)}, and the tracer has no ${capability}`,
  );
  const unseen = judgement(rule, 'unknown', finding);
  const bothUnseen = judgement(
    rule,
    'unknown',
    question => `${finding(question)}; whether the tracer has ${capability} isn't seen`,
  );
  return (passes: Fact, has: Fact): Judgement => {
    if (passes === true) return passing;
    if (has === true) return withIt;
    if (has === null) return bothUnseen;
    return passes === false ? withoutIt : unseen;
  };
}

const NAMES = ['real', 'effective', 'saved'] as const;

/** The first id of the target that differs from the tracer's id; otherwise the first id that isn't seen. */
function difference(kind: 'uid' | 'gid', own: number | null, ownName: string, ids: SeenIds): string | null {
  const told = own === null ? "isn't seen" : `is ${own}`;
  const other =
    NAMES.find(name => equal(own, ids[name]) === false) ?? NAMES.find(name => equal(own, ids[name]) === null);
  if (other === undefined) return null;
  const theirs = ids[other] === null ? "isn't seen" : `is ${ids[other]}`;
  const isMixed = NAMES.some(name => equal(ids.real, ids[name]) === false);
  const setId = isMixed
    ? ` (it runs a set-id program, or has changed its ids: real, effective and saved ${kind} are ${NAMES.map(name => ids[name] ?? '?').join(', ')})`
    : '';
  return `the target's ${other} ${kind} ${theirs}${setId}, the tracer's ${ownName} ${kind} ${told}`;
}

function capabilityOf(question: Question): Fact {
  const { tracer, target, host } = question;
  return capableOver(tracer, 'CAP_SYS_PTRACE', target, host.userNsParents);
}

const ITS_NAMESPACE = "the target's user namespace";

const whichIds = (question: Question) => (isFilesCredentials(question) ? 'fs' : 'real');

const SAME_IDS = judgement('credentials', 'pass', question => {
  const { uids, gids } = question.tracer;
  const which = whichIds(question);
  return `the target's uids are all ${uids[which]} and its gids all ${gids[which]}, as the tracer's`;
});
const otherIds = unlessCapable('credentials', ITS_NAMESPACE, question => {
  const { tracer, target } = question;
  const which = whichIds(question);
  return [
    difference('uid', tracer.uids[which], which, target.uids),
    difference('gid', tracer.gids[which], which, target.gids),
  ]
    .filter(text => text !== null)
    .join('; ');
});

const isThroughout = (id: number | null, { real, effective, saved }: SeenIds): Fact =>
  allEqual([id, real, effective, saved]);

export function credentials(question: Question): Judgement {
  const { tracer, target } = question;
  const which = whichIds(question);
  const isSame = both(
    isThroughout(tracer.uids[which], target.uids),
    isThroughout(tracer.gids[which], target.gids),
  );
  return isSame === true ? SAME_IDS : otherIds(isSame, capabilityOf(question));
}

const withoutMemoryBeing = (what: string) =>
  unlessCapable('dumpable', 'the initial user namespace', `the target is ${what}`);

const NO_MEMORY = {
  zombie: withoutMemoryBeing('a zombie, without memory'),
  'kernel-thread': withoutMemoryBeing('a kernel thread, without memory'),
  exiting: withoutMemoryBeing('about to end, and may have lost its memory already'),
};

const ofMemoryThatIs = (finding: string | ((question: Question) => string)) =>
  unlessCapable('dumpable', "the user namespace of the target's memory", finding);

/** Names a few capabilities; a long list is shortened. */
function listed(mask: bigint): string {
  const names = capabilityNames(mask);
  return names.length <= 3 ? names.join(', ') : `${names.length} capabilities, such as ${names[0]}`;
}

/**
 * The reason why the target is not dumpable. The permitted capabilities of an ordinary user's process may come from the
 * program's file: setcap(8). Kernel: fs/exec.c, begin_new_exec()
 */
function notDumpable({ target: { capPermitted, uids } }: Question): string {
  const mask = BigInt(`0x${capPermitted ?? '0'}`);
  const isOrdinary = Object.values(uids).every(uid => uid !== null && uid !== 0);
  const byFile =
    isOrdinary && mask !== 0n
      ? `, or, as it is permitted ${listed(mask)}, one whose file has capabilities`
      : '';
  return `the target is not dumpable (it opted out, changed its ids, or runs a program that may not be read${byFile})`;
}

const DUMPABLE = {
  true: ofMemoryThatIs('the target is dumpable'),
  false: ofMemoryThatIs(notDumpable),
  null: ofMemoryThatIs("whether the target is dumpable can't be seen from outside"),
};

/**
 * A target without memory has no dumpable flag. Kernels without the fix of CVE-2026-46333 allow the access. Kernels with
 * the fix use the flag of the former memory, or require CAP_SYS_PTRACE in the initial user namespace.
 */
export function dumpable({ tracer, target, host: { userNsParents } }: Question): Judgement {
  const { kind, memoryUserNs } = target;
  if (kind === 'zombie' || kind === 'kernel-thread' || kind === 'exiting')
    return NO_MEMORY[kind](null, capableInInitial(tracer, 'CAP_SYS_PTRACE', userNsParents));
  const has =
    memoryUserNs === null
      ? capableAtOrAbove(tracer, 'CAP_SYS_PTRACE', target, userNsParents)
      : capable(tracer, 'CAP_SYS_PTRACE', memoryUserNs, userNsParents);
  return DUMPABLE[`${target.dumpable}`](target.dumpable, has);
}

const permittedTo = (question: Question): string | null =>
  isFilesCredentials(question) ? question.tracer.capEffective : question.tracer.capPermitted;

const nameOfSet = (question: Question) => (isFilesCredentials(question) ? 'effective' : 'permitted');

const bySubset = (finding: string | ((question: Question) => string)) =>
  unlessCapable('capability-subset', ITS_NAMESPACE, finding);

const otherNamespace = bySubset('the target is in another user namespace than the tracer');
const surplus = bySubset(question => {
  const lacking =
    BigInt(`0x${question.target.capPermitted ?? '0'}`) & ~BigInt(`0x${permittedTo(question) ?? '0'}`);
  return `the target is permitted ${listed(lacking)}, which the tracer's ${nameOfSet(question)} set lacks`;
});
const unseenSet = bySubset("the capabilities of one of the two aren't seen");
const unseenNamespace = bySubset("whether both are in one user namespace isn't seen");
const SUBSET = judgement(
  'capability-subset',
  'pass',
  question => `the target is permitted no capability that the tracer's ${nameOfSet(question)} set lacks`,
);

/** An unseen set of the tracer may be empty. The empty set is part of any set, so an empty mask is always a subset. */
function isSubset(mask: string | null, own: string | null): Fact {
  if (mask === null) return null;
  if (own === null) return isWithin(mask, '0') || null;
  return isWithin(mask, own);
}

export function capabilitySubset(question: Question): Judgement {
  const { tracer, target, host } = question;
  const isSameNamespace = sharesUserNs(tracer, target, host.userNsParents);
  if (isSameNamespace === false) return otherNamespace(false, capabilityOf(question));
  const isPart = isSubset(target.capPermitted, permittedTo(question));
  if (isPart === false) return surplus(false, capabilityOf(question));
  if (isPart === null) return unseenSet(null, capabilityOf(question));
  return isSameNamespace ? SUBSET : unseenNamespace(null, capabilityOf(question));
}

/**
 * The possible owners of /proc/PID/FILE:
 * - of a dumpable process its effective uid
 * - of another process the root of its memory's namespace, which is the process' own namespace or one above
 * - of a process without memory the global root
 */
function possibleOwners({ target, host }: Question): (number | null)[] {
  if (target.kind === 'unknown') return [null];
  if (target.kind === 'zombie' || target.kind === 'kernel-thread') return [0];
  const namespaces =
    target.memoryUserNs === null ? upwards(target.userNs, host.userNsParents) : [target.memoryUserNs];
  const roots = namespaces.map(id => (id === null ? null : (host.userNsParents[id]?.root ?? null)));
  if (target.kind === 'exiting') return [target.uids.effective, ...roots, 0];
  if (target.dumpable === null) return [target.uids.effective, ...roots];
  return target.dumpable ? [target.uids.effective] : roots;
}

const fileOf = ({ mode }: Question) => (mode === 'traceme' ? undefined : ACCESS_CHECKS[mode].file);

function ownership(question: Question): string {
  const owners = possibleOwners(question);
  const owner = allEqual(owners) ? (owners[0] ?? null) : null;
  const whose = owner === null ? "a uid that isn't seen" : `uid ${owner}`;
  return `/proc/PID/${fileOf(question)} belongs to ${whose}, the tracer's fs uid is ${question.tracer.uids.fs ?? 'not seen'}`;
}

const ITS_OWN = judgement('file-permission', 'pass', ownership);
const ANY_FILE = judgement(
  'file-permission',
  'pass',
  question => `${ownership(question)}; the tracer may open any file`,
);
const NOT_ITS_OWN = judgement(
  'file-permission',
  'deny',
  question => `${ownership(question)}, and the tracer has neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH`,
);
const PERHAPS_ITS_OWN = judgement('file-permission', 'unknown', ownership);

/** The mode of these files is 0400 or 0600. Only the owner, and a process that may read every file, can open them. */
export function filePermission(question: Question): Judgement | null {
  if (fileOf(question) === undefined) return null;
  const { tracer, host } = question;
  const isOwner = whichever(possibleOwners(question).map(uid => equal(uid, tracer.uids.fs)));
  if (isOwner === true) return ITS_OWN;
  const overrides = either(
    holds(tracer.capEffective, 'CAP_DAC_OVERRIDE'),
    holds(tracer.capEffective, 'CAP_DAC_READ_SEARCH'),
  );
  // Kernel: kernel/capability.c, capable_wrt_inode_uidgid(). The tracer's user namespace must map the owner of the file.
  const maps = tracer.userNs !== null && host.userNsParents[tracer.userNs]?.parent === 'none' ? true : null;
  const canOpen = both(overrides, maps);
  if (canOpen === true) return ANY_FILE;
  return isOwner === false && canOpen === false ? NOT_ITS_OWN : PERHAPS_ITS_OWN;
}

const PERHAPS_ITSELF = judgement('same-thread-group', 'unknown', "whether both are one process isn't seen");
const TWO_PROCESSES = judgement('same-thread-group', 'pass', 'they are two processes');
const ATTACHES_TO_ITSELF = judgement('same-thread-group', 'deny', 'a process cannot attach to itself');
const LOOKS_AT_ITSELF = judgement('same-thread-group', 'allow', 'a process may always look at itself');

/**
 * The access check allows access to the own process before all other rules. ptrace() itself refuses an attach earlier.
 */
export function sameThreadGroup({ tracer, target, mode }: Question): Judgement | null {
  if (mode === 'traceme') return null;
  const isSame = equal(tracer.tgid, target.tgid);
  if (isSame === null) return PERHAPS_ITSELF;
  if (!isSame) return TWO_PROCESSES;
  return mode === 'attach' ? ATTACHES_TO_ITSELF : LOOKS_AT_ITSELF;
}

/** The rule that refuses an attach to this kind of process. A read of memory is refused too, because there is none. */
function refusesKind(rule: RuleId & ProcessFacts['kind'], what: string) {
  const unseen = judgement(rule, 'unknown', `whether it is a ${what} isn't seen`);
  const isOne = judgement(rule, 'deny', `the target is a ${what}`);
  const isNone = judgement(rule, 'pass', `the target is no ${what}`);
  // The target is about to become a zombie, or to disappear.
  const ends = judgement(rule, 'unknown', 'the target is about to end');
  return ({ kind }: ProcessFacts): Judgement => {
    if (kind === 'unknown') return unseen;
    if (kind === rule) return isOne;
    return rule === 'zombie' && kind === 'exiting' ? ends : isNone;
  };
}

const isOfMemory = ({ mode }: Question) => mode === 'vm-read' || mode === 'mem' || mode === 'environ';

const refusesKernelThread = refusesKind('kernel-thread', 'kernel thread');
const refusesZombie = refusesKind('zombie', 'zombie');

export const kernelThread = (question: Question) =>
  question.mode === 'attach' || isOfMemory(question) ? refusesKernelThread(question.target) : null;

/**
 * A read of memory fails before the access check where the target has no memory. Before Linux 6.16 (and backports of
 * commit 65c66047259f) the file opens if its mode allows that, and then nothing can be read. A zombie also has no
 * descriptors (kernel/pid.c, __pidfd_fget()) and no events (kernel/events/core.c, find_get_context()), whatever the
 * access check says.
 */
export const withNothingLeft = (question: Question) =>
  isOfMemory(question) || question.mode === 'getfd' || question.mode === 'perf'
    ? refusesZombie(question.target)
    : null;

/** An attach checks for a zombie after the access check. */
export const zombie = (question: Question) =>
  question.mode === 'attach' ? refusesZombie(question.target) : null;

const PERHAPS_TRACED = judgement('already-traced', 'unknown', "whether the target is traced isn't seen");
const NOT_TRACED = judgement('already-traced', 'pass', ({ target, host }) => {
  const [thread] = target.tracedThreads ?? [];
  if (thread === undefined) return 'nobody traces the target';
  const tracer = processName(thread.tracerPid, host.processes);
  return `nobody traces this thread of the target; process ${tracer} traces its thread ${thread.tid}`;
});
const TRACED = judgement(
  'already-traced',
  'deny',
  ({ target, host }) =>
    `process ${processName(target.tracerPid, host.processes)} traces the target, and there is only one tracer`,
);

export function alreadyTraced({ target, mode }: Question): Judgement | null {
  if (mode !== 'attach' && mode !== 'traceme') return null;
  if (target.tracerPid === null) return PERHAPS_TRACED;
  return target.tracerPid === 0 ? NOT_TRACED : TRACED;
}
