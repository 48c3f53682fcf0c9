import type { FileCapabilities } from '../../kernel/file-capabilities.js';
import type { ProcessFacts, SeenIds } from '../../kernel/process-facts.js';
import type { ExecCredentials, OwnerId, ProgramFile } from '../../kernel/program-file.js';
import { holds, isWithin, upwards } from './capable.js';
import { both, either, equal, type Fact, whichever } from './fact.js';
import { labelAfterExec } from './other-lsm.js';
import type { Host } from './question.js';

/** A program that is not started yet, with the process that would start it. */
export interface Program {
  file: ProgramFile;
  starter: ProcessFacts;
  credentials: ExecCredentials;
}

/** The reason why the exec gives less than the program's file offers, or nothing. */
export type Hindrance = 'nosuid' | 'no_new_privs' | 'traced';

export interface AfterExec {
  /** The facts of the process that executes the program: a child of the starter, without other relatives. */
  facts: ProcessFacts;
  /** The exec fails where the process would lack a capability that the file marks as effective. */
  starts: Fact;
  hinderedBy: Hindrance[];
}

type Mask = string | null;

const not = (fact: Fact): Fact => (fact === null ? null : !fact);

/** If the fact is unknown, the result is known only where both values are the same. */
function pick<T>(fact: Fact, yes: T | null, no: T | null): T | null {
  if (fact === null) return yes === no ? yes : null;
  return fact ? yes : no;
}

const NONE = '0000000000000000';

const hex = (mask: bigint): string => mask.toString(16).padStart(16, '0');
const parse = (mask: string): bigint => BigInt(`0x${mask}`);
const isEmpty = (mask: Mask) => mask !== null && parse(mask) === 0n;

function union(a: Mask, b: Mask): Mask {
  return a === null || b === null ? null : hex(parse(a) | parse(b));
}

function common(a: Mask, b: Mask): Mask {
  if (isEmpty(a) || isEmpty(b)) return NONE;
  return a === null || b === null ? null : hex(parse(a) & parse(b));
}

function isPart(mask: Mask, of: Mask): Fact {
  if (isEmpty(mask)) return true;
  return mask === null || of === null ? null : isWithin(mask, of);
}

/**
 * Whether the mount and the user namespaces allow a file to give ids or capabilities. A mount normally belongs to the
 * user namespace that owns our mount namespace, or to one above.
 *
 * Kernel: fs/namespace.c, mnt_may_suid()
 */
function maySuid({ file, starter }: Program, { userNsParents, observedAs }: Host): Fact {
  const above = upwards(starter.userNs, userNsParents);
  const isAbove = file.mountUserNs !== null && above.includes(file.mountUserNs) ? true : null;
  // The ids of the file are seen from our own user namespace.
  const isBelowUs = observedAs.userNs !== null && above.includes(observedAs.userNs) ? true : null;
  return both(not(file.isNosuid), both(isAbove, isBelowUs));
}

/** The uid that is 0 inside a namespace. UserNs.root is 0 for a namespace without a root, so a 0 there counts as null. */
function rootOf(userNs: string | null, { userNsParents, observedAs }: Host): number | null {
  if (userNs === null) return null;
  const { parent, root } = userNsParents[userNs] ?? { parent: 'unknown', root: null };
  return parent === 'none' || userNs === observedAs.userNs ? 0 : root || null;
}

/** Whether an id is mapped in the starter's user namespace. Kernel: kuid_has_mapping() */
function isMapped(id: OwnerId, ids: SeenIds, { starter }: Program, host: Host): Fact {
  if (id === 'unmapped') return false;
  if (id === null) return null;
  const isInitial = host.userNsParents[starter.userNs ?? '']?.parent === 'none';
  if (isInitial || equal(starter.userNs, host.observedAs.userNs) === true) return true;
  return Object.values(ids).includes(id) ? true : null;
}

/** Whether the capabilities' root id is the root of the starter's namespace, or of a namespace above. */
function countHere({ rootId }: FileCapabilities, { starter }: Program, { userNsParents }: Host): Fact {
  if (rootId === 0) return true;
  return upwards(starter.userNs, userNsParents)
    .map(id => equal(id === null ? null : (userNsParents[id]?.root ?? null), rootId))
    .reduce(either, false);
}

const NO_CAPABILITIES = { permitted: NONE, inheritable: NONE, effective: false };

interface Ids {
  euid: number | null;
  egid: number | null;
}

/** Kernel: fs/exec.c, bprm_fill_uid() */
function idsOf(program: Program, mayGain: Fact, host: Host): Ids {
  const { file, starter } = program;
  const { uids, gids } = starter;
  const areMapped = both(isMapped(file.uid, uids, program, host), isMapped(file.gid, gids, program, host));
  const isHeeded = both(both(mayGain, not(starter.noNewPrivs)), areMapped);
  const seen = (id: OwnerId) => (id === 'unmapped' ? null : id);
  return {
    euid: pick(both(isHeeded, file.isSetUid), seen(file.uid), uids.effective),
    egid: pick(both(isHeeded, file.isSetGid), seen(file.gid), gids.effective),
  };
}

function isMember(egid: number | null, { starter, credentials: { groups } }: Program): Fact {
  const isOwn = equal(egid, starter.gids.fs);
  const isOther = groups === null || egid === null ? null : groups.includes(egid);
  return either(isOwn, isOther);
}

/** Linux 6.16 changed the condition for a change of ids. Where both conditions differ, the result is unknown. */
function hasChangedIds({ euid, egid }: Ids, program: Program): Fact {
  const { uids, gids } = program.starter;
  const before = either(not(equal(euid, uids.real)), not(equal(egid, gids.real)));
  const since = either(not(equal(euid, uids.effective)), not(isMember(egid, program)));
  return whichever([before, since]);
}

/**
 * The credentials of a process after an exec, from the credentials of the starter and the program's file. An unseen value
 * is null where the value could make a difference. Pure.
 *
 * Kernel: security/commoncap.c, cap_bprm_creds_from_file(); fs/exec.c, bprm_fill_uid(); capabilities(7), "Transformation
 * of capabilities during execve()"
 */
export function afterExec(program: Program, host: Host): AfterExec {
  const { file, starter, credentials } = program;
  const { capBounding, capInheritable, capPermitted, noNewPrivs } = starter;
  const mayGain = maySuid(program, host);
  const given = typeof file.capabilities === 'object' ? file.capabilities : NO_CAPABILITIES;
  const hasAny = file.capabilities === 'unknown' ? null : file.capabilities !== 'none';
  const counts = typeof file.capabilities === 'object' ? countHere(file.capabilities, program, host) : hasAny;
  const hasFileCaps = both(mayGain, counts);
  const isSeen = file.capabilities !== 'unknown' || hasFileCaps === false;
  const offered = (mask: string): Mask => (isSeen ? pick(hasFileCaps, mask, NONE) : null);

  const ids = idsOf(program, mayGain, host);
  const root = rootOf(starter.userNs, host);
  const isReallyRoot = equal(starter.uids.real, root);
  const isEffectivelyRoot = equal(ids.euid, root);
  const becomesRoot = both(not(isReallyRoot), isEffectivelyRoot);
  const isPrivilegedRoot = both(not(credentials.isNoRoot), not(both(hasFileCaps, becomesRoot)));

  const ofFile = union(
    common(offered(given.permitted), capBounding),
    common(offered(given.inheritable), capInheritable),
  );
  const ofRoot = union(capBounding, capInheritable);
  const gained = pick(both(isPrivilegedRoot, either(isReallyRoot, isEffectivelyRoot)), ofRoot, ofFile);
  const isRaisedByFile = isSeen ? both(hasFileCaps, given.effective) : null;
  const isEffective = either(isRaisedByFile, both(isPrivilegedRoot, isEffectivelyRoot));
  const sufficient = union(common(given.permitted, capBounding), common(given.inheritable, capInheritable));
  const lacks = isSeen ? both(isRaisedByFile, not(isPart(given.permitted, sufficient))) : null;

  const hasChanged = hasChangedIds(ids, program);
  // A tracer of the starter may or may not trace the child, and may have CAP_SYS_PTRACE: then the exec loses nothing.
  const isUnsafe = either(noNewPrivs, equal(starter.tracerTgid, 0) === true ? false : null);
  const isCut = both(either(hasChanged, not(isPart(gained, capPermitted))), isUnsafe);
  const losesIds = both(isCut, either(noNewPrivs, not(holds(starter.capEffective, 'CAP_SETUID'))));
  const ambient = pick(either(hasFileCaps, hasChanged), NONE, credentials.ambient);
  const permitted = union(pick(isCut, common(gained, capPermitted), gained), ambient);

  const withEffective = (ids: SeenIds, effective: number | null): SeenIds => ({
    real: ids.real,
    effective,
    saved: effective,
    fs: effective,
  });
  const offers = file.isSetUid !== false || file.isSetGid !== false || file.capabilities !== 'none';
  const hindrances: [Hindrance, boolean][] = [
    ['nosuid', file.isNosuid === true],
    ['no_new_privs', noNewPrivs === true],
    ['traced', isUnsafe === null && noNewPrivs !== null],
  ];
  return {
    facts: {
      ...starter,
      pid: 0,
      tgid: 0,
      ppid: starter.tgid,
      startTime: null,
      comm: commOf(file.path),
      kind: 'user',
      uids: withEffective(starter.uids, pick(losesIds, starter.uids.real, ids.euid)),
      gids: withEffective(starter.gids, pick(losesIds, starter.gids.real, ids.egid)),
      // The process stays in its user namespace, and the exec gives it new memory.
      userNsRuledOut: starter.userNsRuledOut === null ? null : { ...starter.userNsRuledOut, memory: false },
      memoryUserNs: null,
      dumpable: null,
      capPermitted: permitted,
      capEffective: pick(isEffective, permitted, ambient),
      tracerPid: 0,
      tracerTgid: 0,
      tracedThreads: [],
      threadRights: [],
      threads: 1,
      lsmLabel: labelAfterExec(starter.lsmLabel, host),
      declaredTracer: 'none',
    },
    starts: both(file.isExecutable, not(lacks)),
    hinderedBy: offers ? hindrances.filter(([, applies]) => applies).map(([hindrance]) => hindrance) : [],
  };
}

/** include/linux/sched.h, TASK_COMM_LEN */
const LONGEST_COMM = 15;
const commOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1).slice(0, LONGEST_COMM);
