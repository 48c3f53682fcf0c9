// The rights that an exec gives, compared with a second transcription of the kernel's functions, and the cases that
// stay unknown.
import { describe, expect, it } from 'vitest';
import { INITIAL_USER_NS } from '../../lib/kernel/user-namespace.js';
import { afterExec, type Program } from '../../lib/policy/access/after-exec.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import type { Host } from '../../lib/policy/access/question.js';
import { Random } from '../differential/random.js';
import { SEED, times } from '../helpers/tier.js';

const HOST: Host = {
  kernelRelease: '6.1.0',
  yama: { state: 'absent' },
  lsms: [],
  lsmsRuledOut: [],
  suidDumpable: 0,
  userNsParents: { [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 } },
  corePattern: 'core',
  observedAs: { uid: 0, capEffective: '0', userNs: INITIAL_USER_NS },
  processes: [],
};

const PTRACE = '0000000000080000';
const NONE = '0000000000000000';
const ALL = '000001ffffffffff';
const SYS_PTRACE = 1n << 19n;

interface Changes {
  file?: Partial<Program['file']>;
  starter?: Partial<Program['starter']>;
  credentials?: Partial<Program['credentials']>;
}

/** /usr/bin/gdb with cap_sys_ptrace=ep, started by an ordinary user. */
const program = ({ file, starter, credentials }: Changes = {}): Program => ({
  file: {
    path: '/usr/bin/gdb',
    executes: '/usr/bin/gdb',
    isSetUid: false,
    isSetGid: false,
    uid: 0,
    gid: 0,
    capabilities: { permitted: PTRACE, inheritable: NONE, effective: true, rootId: 0 },
    isNosuid: false,
    mountUserNs: INITIAL_USER_NS,
    isExecutable: true,
    ...file,
  },
  starter: {
    ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs: INITIAL_USER_NS }),
    capBounding: ALL,
    pid: 60,
    tgid: 60,
    ...starter,
  },
  credentials: { ambient: NONE, isNoRoot: false, groups: [], ...credentials },
});

const SET_UID = { capabilities: 'none', isSetUid: true } as const;
const effective = (changes: Changes, host: Partial<Host> = {}) =>
  afterExec(program(changes), { ...HOST, ...host }).facts.capEffective;

describe('an exec gives', () => {
  it.each<[string, Changes, string | null]>([
    ['what the file permits and makes effective', {}, PTRACE],
    ['nothing on a nosuid mount', { file: { isNosuid: true } }, NONE],
    ['nothing under no_new_privs', { starter: { noNewPrivs: true } }, NONE],
    ['all of the bounding set to a set-uid program of root', { file: SET_UID }, ALL],
    ['nothing to that where uid 0 means nothing', { file: SET_UID, credentials: { isNoRoot: true } }, NONE],
    [
      'nothing of capabilities that belong to another user namespace',
      { file: { capabilities: { permitted: PTRACE, inheritable: NONE, effective: true, rootId: 1000 } } },
      NONE,
    ],
    [
      'ambient capabilities on to a program without any of its own',
      { file: { capabilities: 'none' }, credentials: { ambient: PTRACE } },
      PTRACE,
    ],
    [
      'nothing by the set-uid bit of an owner that the user namespace lacks',
      { file: { ...SET_UID, uid: 'unmapped' } },
      NONE,
    ],
  ])('%s', (_what, changes, gives) => {
    expect(effective(changes)).toBe(gives);
  });
});

describe('it is not known', () => {
  it.each<[string, Changes]>([
    ['whether the attribute that may not be read is there', { file: { capabilities: 'unknown' } }],
    ['whether the mount is nosuid', { file: { isNosuid: null } }],
    ['whose mount namespace it is', { file: { mountUserNs: null } }],
    [
      "another process' securebits, where uid 0 is in play",
      { file: SET_UID, credentials: { isNoRoot: null } },
    ],
    ['whether a tracer of the starter traces the program', { starter: { tracerTgid: 50 } }],
    ['what the bounding set is', { starter: { capBounding: null } }],
    ['whether the owner has a name in the user namespace', { file: { ...SET_UID, uid: null } }],
  ])('%s', (_what, changes) => {
    expect(effective(changes)).toBeNull();
  });

  it.each<[string, Changes, string]>([
    ['the securebits of a process that is not root', { credentials: { isNoRoot: null } }, PTRACE],
    ['the mount of a program that offers nothing', { file: { capabilities: 'none', isNosuid: null } }, NONE],
    ['an attribute on a nosuid mount', { file: { capabilities: 'unknown', isNosuid: true } }, NONE],
  ])('but does not matter: %s', (_what, changes, gives) => {
    expect(effective(changes)).toBe(gives);
  });

  it('which label a policy gives', () => {
    const label = (lsmLabel: string, host: Partial<Host>) =>
      afterExec(program({ starter: { lsmLabel } }), { ...HOST, ...host }).facts.lsmLabel;
    expect(label('unconfined', { lsms: ['apparmor'] })).toBeNull();
    expect(label('unconfined', { lsms: null, lsmsRuledOut: [] })).toBeNull();
    expect(label('', { lsms: null, lsmsRuledOut: ['apparmor', 'selinux', 'smack'] })).toBe('');
    expect(label('kernel', { lsms: ['selinux'] })).toBe('kernel');
    expect(label('kernel', { lsms: ['selinux', 'apparmor'] })).toBeNull();
  });
});

it('an effective capability that the bounding set lacks fails the exec', () => {
  const starts = (changes: Changes) => afterExec(program(changes), HOST).starts;
  expect(starts({ starter: { capBounding: NONE } })).toBe(false);
  expect(starts({ starter: { capBounding: NONE }, file: { isNosuid: true } })).toBe(true);
  expect(starts({ starter: { capBounding: null } })).toBeNull();
  expect(starts({ file: { isNosuid: null } })).toBe(true);
  expect(starts({ file: { isExecutable: null } })).toBeNull();
});

const mask = (text: string | null): bigint => BigInt(`0x${text ?? '0'}`);

/** fs/exec.c and security/commoncap.c of Linux 6.1 in the initial user namespace, where all that they look at is known. */
function kernelExec({ file, starter, credentials }: Program) {
  const { capabilities } = file;
  const [bset, inheritable, old] = [starter.capBounding, starter.capInheritable, starter.capPermitted].map(
    mask,
  );
  const cred = { euid: starter.uids.effective, egid: starter.gids.effective, permitted: 0n };
  let [isEffective, hasFileCaps] = [false, false];
  if (!file.isNosuid && !starter.noNewPrivs) {
    if (file.isSetUid) cred.euid = file.uid as number;
    if (file.isSetGid) cred.egid = file.gid as number;
  }
  if (!file.isNosuid && typeof capabilities === 'object' && capabilities.rootId === 0) {
    isEffective = capabilities.effective;
    hasFileCaps = true;
    cred.permitted = (bset! & mask(capabilities.permitted)) | (inheritable! & mask(capabilities.inheritable));
    if (isEffective && (mask(capabilities.permitted) & ~cred.permitted) !== 0n) return 'EPERM';
  }
  const isReal = starter.uids.real === 0;
  const isEff = cred.euid === 0;
  if (!credentials.isNoRoot && !(hasFileCaps && !isReal && isEff)) {
    if (isEff || isReal) cred.permitted = bset! | inheritable!;
    if (isEff) isEffective = true;
  }
  const isSetId = cred.euid !== starter.uids.real || cred.egid !== starter.gids.real;
  if ((isSetId || (cred.permitted & ~old!) !== 0n) && starter.noNewPrivs) {
    cred.euid = starter.uids.real;
    cred.egid = starter.gids.real;
    cred.permitted &= old!;
  }
  const ambient = hasFileCaps || isSetId ? 0n : mask(credentials.ambient);
  cred.permitted |= ambient;
  return { ...cred, effective: isEffective ? cred.permitted : ambient };
}

const SETS = [NONE, PTRACE, '0000000000002000', '0000000000082000', ALL];

function randomProgram(random: Random): Program {
  const id = () => random.pick([0, 1000, 1001]);
  const [uid, gid] = [id(), id()];
  const same = (value: number) => ({ real: value, effective: value, saved: value, fs: value });
  const permitted = random.pick(SETS);
  const ambient = random.chance(0.5) ? NONE : permitted;
  return program({
    file: {
      isSetUid: random.chance(0.4),
      isSetGid: random.chance(0.3),
      uid: id(),
      gid: id(),
      isNosuid: random.chance(0.2),
      capabilities: random.chance(0.3)
        ? 'none'
        : {
            permitted: random.pick(SETS),
            inheritable: random.pick(SETS),
            effective: random.chance(0.5),
            rootId: random.pick([0, 0, 1000]),
          },
    },
    starter: {
      uids: same(uid),
      gids: same(gid),
      capPermitted: permitted,
      capEffective: random.pick([NONE, permitted]),
      capInheritable: random.pick([ambient, ALL]),
      capBounding: random.pick([ALL, ALL, NONE, '000001fffff7ffff']),
      noNewPrivs: random.chance(0.3),
    },
    credentials: { ambient, isNoRoot: random.chance(0.2), groups: [] },
  });
}

const COUNT = times(1_000, 100_000);

it('is what the kernel computes, for random programs and starters', () => {
  const random = new Random(SEED, 'exec');
  let gained = 0;
  for (let at = 0; at < COUNT; at++) {
    const one = randomProgram(random);
    const { facts, starts } = afterExec(one, HOST);
    const kernel = kernelExec(one);
    if (kernel === 'EPERM') expect(starts, JSON.stringify(one)).toBe(false);
    else {
      const { uids, gids, capPermitted, capEffective } = facts;
      const found = {
        euid: uids.effective,
        egid: gids.effective,
        permitted: mask(capPermitted),
        effective: mask(capEffective),
      };
      expect(found, JSON.stringify(one)).toEqual(kernel);
      expect(starts).toBe(true);
      if ((kernel.effective & SYS_PTRACE) !== 0n) gained++;
    }
  }
  expect(gained).toBeGreaterThan(COUNT / 100);
});

/** Each hides one thing. */
const HIDE: ((one: Program) => Changes)[] = [
  () => ({ file: { capabilities: 'unknown' } }),
  () => ({ file: { isNosuid: null } }),
  () => ({ file: { isSetUid: null } }),
  () => ({ file: { uid: null } }),
  () => ({ starter: { noNewPrivs: null } }),
  () => ({ starter: { capBounding: null } }),
  () => ({ starter: { capInheritable: null } }),
  ({ starter }) => ({ starter: { uids: { ...starter.uids, effective: null } } }),
  () => ({ credentials: { ambient: null } }),
  () => ({ credentials: { isNoRoot: null } }),
  () => ({ credentials: { groups: null } }),
];

it('a hidden fact makes a result unknown, and never different', () => {
  const random = new Random(SEED, 'hidden');
  for (let at = 0; at < COUNT; at++) {
    const one = randomProgram(random);
    const whole = afterExec(one, HOST);
    const { file, starter, credentials } = random.pick(HIDE)(one);
    const hidden = {
      file: { ...one.file, ...file },
      starter: { ...one.starter, ...starter },
      credentials: { ...one.credentials, ...credentials },
    };
    const found = afterExec(hidden, HOST);
    const told = ({ facts, starts }: typeof whole) => [
      starts,
      facts.uids.effective,
      facts.gids.effective,
      facts.capPermitted,
      facts.capEffective,
    ];
    const [known, seen] = [told(whole), told(found)];
    // A process that isn't started has no credentials.
    const compared = whole.starts ? [0, 1, 2, 3, 4] : [0];
    for (const field of compared) {
      if (seen[field] !== null) expect(seen[field], JSON.stringify(hidden)).toBe(known[field]);
    }
  }
});
