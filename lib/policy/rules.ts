import { capabilityNames } from '../kernel/capabilities.js';
import type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
import { ACCESS_CHECKS } from './access-mode.js';
import { processName } from './ancestry.js';
import { capable, capableAtOrAbove, capableInInitial, holds, upwards } from './capable.js';
import { allEqual, both, either, equal, type Fact, whichever } from './fact.js';
import { type Judgement, judge, type Question } from './question.js';
import type { RuleId } from './verdict.js';

const isFilesCredentials = ({ mode }: Question) =>
  mode !== 'traceme' && ACCESS_CHECKS[mode].credentials === 'FSCREDS';

/** What CAP_SYS_PTRACE decides where the rule itself doesn't let the tracer pass. */
function unlessCapable(rule: RuleId, passes: Fact, has: Fact, finding: string, where: string): Judgement {
  if (passes === true) return judge(rule, 'pass', finding);
  const capability = `CAP_SYS_PTRACE in ${where}`;
  if (has === true) return judge(rule, 'pass', `${finding}; the tracer has ${capability}`);
  if (passes === false && has === false)
    return judge(rule, 'deny', `${finding}, and the tracer has no ${capability}`);
  const unseen = has === null ? `; whether the tracer has ${capability} isn't seen` : '';
  return judge(rule, 'unknown', `${finding}${unseen}`);
}

const NAMES = ['real', 'effective', 'saved'] as const;

/** The first that differs from the tracer's own, or else that isn't seen. */
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
  return capable(tracer, 'CAP_SYS_PTRACE', target.userNs, host.userNsParents);
}

const ITS_NAMESPACE = "the target's user namespace";

export function credentials(question: Question): Judgement {
  const { tracer, target } = question;
  const which = isFilesCredentials(question) ? 'fs' : 'real';
  const uid = tracer.uids[which];
  const gid = tracer.gids[which];
  const isSame = both(
    allEqual(uid, ...NAMES.map(name => target.uids[name])),
    allEqual(gid, ...NAMES.map(name => target.gids[name])),
  );
  const finding =
    isSame === true
      ? `the target's uids are all ${uid} and its gids all ${gid}, as the tracer's`
      : [difference('uid', uid, which, target.uids), difference('gid', gid, which, target.gids)]
          .filter(text => text !== null)
          .join('; ');
  return unlessCapable('credentials', isSame, capabilityOf(question), finding, ITS_NAMESPACE);
}

/**
 * Without memory there is no dumpable to look at: kernels of before the mending of CVE-2026-46333 let pass then, those
 * after it look at what the memory was, or ask for CAP_SYS_PTRACE in the initial user namespace.
 */
function dumpableOfNoMemory({ tracer, host }: Question, what: string): Judgement {
  const has = capableInInitial(tracer, 'CAP_SYS_PTRACE', host.userNsParents);
  return unlessCapable('dumpable', null, has, `the target is ${what}`, 'the initial user namespace');
}

export function dumpable(question: Question): Judgement {
  const { tracer, target, host } = question;
  if (target.kind === 'zombie') return dumpableOfNoMemory(question, 'a zombie, without memory');
  if (target.kind === 'kernel-thread') return dumpableOfNoMemory(question, 'a kernel thread, without memory');
  if (target.kind === 'exiting')
    return dumpableOfNoMemory(question, 'about to end, and may have no memory any more');
  const has =
    target.memoryUserNs === null
      ? capableAtOrAbove(tracer, 'CAP_SYS_PTRACE', target.userNs, host.userNsParents)
      : capable(tracer, 'CAP_SYS_PTRACE', target.memoryUserNs, host.userNsParents);
  const finding =
    target.dumpable === null
      ? "whether the target is dumpable can't be seen from outside"
      : target.dumpable
        ? 'the target is dumpable'
        : 'the target is not dumpable (it opted out, changed its ids, or runs a program that may not be read)';
  return unlessCapable(
    'dumpable',
    target.dumpable,
    has,
    finding,
    "the user namespace of the target's memory",
  );
}

/** A short word for capabilities. */
function listed(mask: bigint): string {
  const names = capabilityNames(mask);
  return names.length <= 3 ? names.join(', ') : `${names.length} capabilities, such as ${names[0]}`;
}

export function capabilitySubset(question: Question): Judgement {
  const { tracer, target } = question;
  const isOfTracer = isFilesCredentials(question) ? 'effective' : 'permitted';
  const own = isFilesCredentials(question) ? tracer.capEffective : tracer.capPermitted;
  const isSameNamespace = equal(tracer.userNs, target.userNs);
  const has = capabilityOf(question);
  const say = (passes: Fact, finding: string) =>
    unlessCapable('capability-subset', passes, has, finding, ITS_NAMESPACE);
  if (isSameNamespace === false) return say(false, 'the target is in another user namespace than the tracer');
  // A set that isn't seen may be empty, and the empty set is a part of any.
  const surplus =
    target.capPermitted === null || own === null
      ? null
      : BigInt(`0x${target.capPermitted}`) & ~BigInt(`0x${own}`);
  const isEmpty = target.capPermitted !== null && BigInt(`0x${target.capPermitted}`) === 0n;
  const isSubset = isEmpty ? true : surplus === null ? null : surplus === 0n;
  if (isSubset === false && surplus !== null) {
    return say(
      false,
      `the target is permitted ${listed(surplus)}, which the tracer's ${isOfTracer} set lacks`,
    );
  }
  if (isSubset === null) return say(null, "the capabilities of one of the two aren't seen");
  if (isSameNamespace === null) return say(null, "whether both are in one user namespace isn't seen");
  return say(true, `the target is permitted no capability that the tracer's ${isOfTracer} set lacks`);
}

/**
 * Whom /proc/PID/FILE may belong to: while it is dumpable its effective uid, otherwise the root of its memory's namespace,
 * and of what has no memory the global root. The memory's namespace is its own or one above.
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

/** The mode of these files is 0400 or 0600: for the owner, and for who may read every file. */
export function filePermission(question: Question): Judgement | null {
  const { tracer, mode, host } = question;
  const file = mode === 'traceme' ? undefined : ACCESS_CHECKS[mode].file;
  if (file === undefined) return null;
  const owners = possibleOwners(question);
  const owner = allEqual(...owners) ? (owners[0] ?? null) : null;
  const isOwner = whichever(...owners.map(uid => equal(uid, tracer.uids.fs)));
  const finding = `/proc/PID/${file} belongs to ${owner === null ? "a uid that isn't seen" : `uid ${owner}`}, the tracer's fs uid is ${tracer.uids.fs ?? 'not seen'}`;
  if (isOwner === true) return judge('file-permission', 'pass', finding);
  const overrides = either(
    holds(tracer.capEffective, 'CAP_DAC_OVERRIDE'),
    holds(tracer.capEffective, 'CAP_DAC_READ_SEARCH'),
  );
  // kernel/capability.c, capable_wrt_inode_uidgid(): only over owners that the tracer's own user namespace maps.
  const maps = tracer.userNs !== null && host.userNsParents[tracer.userNs]?.parent === 'none' ? true : null;
  const canOpen = both(overrides, maps);
  if (canOpen === true) return judge('file-permission', 'pass', `${finding}; the tracer may open any file`);
  if (isOwner === false && canOpen === false) {
    return judge(
      'file-permission',
      'deny',
      `${finding}, and the tracer has neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH`,
    );
  }
  return judge('file-permission', 'unknown', finding);
}

/** Linux 6.12 asks CAP_SYS_PTRACE alone, 6.18 also lets CAP_PERFMON read; between them it came. */
function readsByPerfmon(release: string): Fact {
  const [major = Number.NaN, minor = Number.NaN] = release.split('.').map(part => Number.parseInt(part, 10));
  if (Number.isNaN(major) || Number.isNaN(minor)) return null;
  if (major > 6 || (major === 6 && minor >= 18)) return true;
  return major < 6 || minor <= 12 ? false : null;
}

/** include/linux/capability.h, perfmon_capable(): in the initial user namespace. Where memory is to be read only. */
export function perfmon(question: Question): Judgement | null {
  const { tracer, mode, host } = question;
  if (mode !== 'environ') return null;
  const has = either(
    capableInInitial(tracer, 'CAP_PERFMON', host.userNsParents),
    capableInInitial(tracer, 'CAP_SYS_ADMIN', host.userNsParents),
  );
  const lets = both(has, readsByPerfmon(host.kernelRelease));
  if (lets === false) return null;
  return lets
    ? judge(
        'perfmon',
        'allow',
        'the tracer has CAP_PERFMON or CAP_SYS_ADMIN, which may read the memory of any process',
      )
    : judge(
        'perfmon',
        'unknown',
        'whether CAP_PERFMON suffices to read memory depends on the kernel, or is not seen',
      );
}

/** Their own rule is the access check's first; ptrace() itself refuses them before it asks. */
export function sameThreadGroup({ tracer, target, mode }: Question): Judgement | null {
  if (mode === 'traceme') return null;
  const isSame = equal(tracer.tgid, target.tgid);
  if (isSame === null)
    return judge('same-thread-group', 'unknown', "whether both are one process isn't seen");
  if (!isSame) return judge('same-thread-group', 'pass', 'they are two processes');
  return mode === 'attach'
    ? judge('same-thread-group', 'deny', 'a process cannot attach to itself')
    : judge('same-thread-group', 'allow', 'a process may always look at itself');
}

/** What an attach refuses, and for want of memory a read of memory. */
function cannotBeTraced(
  rule: RuleId,
  kind: ProcessFacts['kind'],
  { target }: Question,
  what: string,
): Judgement {
  if (target.kind === 'unknown') return judge(rule, 'unknown', `whether it is a ${what} isn't seen`);
  if (target.kind === kind) return judge(rule, 'deny', `the target is a ${what}`);
  // It is a zombie next, or gone.
  if (rule === 'zombie' && target.kind === 'exiting')
    return judge(rule, 'unknown', 'the target is about to end');
  return judge(rule, 'pass', `the target is no ${what}`);
}

const isOfMemory = ({ mode }: Question) => mode === 'vm-read' || mode === 'mem' || mode === 'environ';

export const kernelThread = (question: Question) =>
  question.mode === 'attach' || isOfMemory(question)
    ? cannotBeTraced('kernel-thread', 'kernel-thread', question, 'kernel thread')
    : null;

/**
 * Where memory is to be read, a target without it ends the matter before the access check. Before Linux 6.16 (and its
 * ports to older ones: commit 65c66047259f) the file opens, if its mode lets one, and there is nothing to read.
 */
export const withoutMemory = (question: Question) =>
  isOfMemory(question) ? cannotBeTraced('zombie', 'zombie', question, 'zombie') : null;

/** An attach looks at it after the access check. */
export const zombie = (question: Question) =>
  question.mode === 'attach' ? cannotBeTraced('zombie', 'zombie', question, 'zombie') : null;

export function alreadyTraced({ target, mode, host }: Question): Judgement | null {
  if (mode !== 'attach' && mode !== 'traceme') return null;
  if (target.tracerPid === null)
    return judge('already-traced', 'unknown', "whether the target is traced isn't seen");
  if (target.tracerPid === 0) return judge('already-traced', 'pass', 'nobody traces the target');
  return judge(
    'already-traced',
    'deny',
    `process ${processName(target.tracerPid, host.processes)} traces the target, and there is only one tracer`,
  );
}
