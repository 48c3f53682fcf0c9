// The rules of core dumps that no kernel at hand can answer: sockets, unseen facts, and remedies. test/integration and
// test/scopes ask the kernel.
import { describe, expect, it } from 'vitest';
import type { Running } from '../../lib/audit/rows/observations.js';
import { corePatternRow } from '../../lib/audit/rows/related.js';
import type { Closing } from '../../lib/deny/channel.js';
import { whereSent } from '../../lib/deny/core-dumps.js';
import { limitsFrom } from '../../lib/kernel/core-dump-facts.js';
import { hasCoreSockets } from '../../lib/kernel/core-settings.js';
import type { FileSite } from '../../lib/kernel/core-site.js';
import { parsePtraceScope } from '../../lib/kernel/ptrace-scope.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import { coreRemedies } from '../../lib/policy/core-dump/changes.js';
import { checkCoreDump } from '../../lib/policy/core-dump/core-dump.js';
import { coreTemplate } from '../../lib/policy/core-dump/name.js';
import { coreDestination, coreNotes } from '../../lib/policy/core-dump/notes.js';
import type { CoreFacts } from '../../lib/policy/core-dump/verdict.js';
import { NO_SURROUNDINGS } from '../../lib/policy/remedies/surroundings.js';

const INITIAL = '4026531837';

const SITE: FileSite = {
  directories: [{ path: '/srv', uid: 1000, gid: 1000, mode: 0o755 }],
  missing: null,
  isReadOnly: false,
  keepsOwners: true,
  existing: null,
};

interface Case {
  settings?: Partial<CoreFacts['settings']>;
  target?: Partial<CoreFacts['target']>;
  process?: Partial<CoreFacts['process']>;
  site?: Partial<FileSite>;
  receiver?: CoreFacts['receiver'];
}

/** Of uid 1000, in a directory of its own: a core comes, unless a case says otherwise. */
function factsOf({ settings, target, process, site, receiver = null }: Case = {}): CoreFacts {
  const place = { ...SITE, ...site };
  return {
    host: {
      kernelRelease: '6.18.0',
      yama: parsePtraceScope('1'),
      lsms: ['yama'],
      lsmsRuledOut: [],
      suidDumpable: 0,
      userNsParents: { [INITIAL]: { parent: 'none', owner: 0, root: 0 } },
      corePattern: 'core',
      observedAs: { uid: 0, capEffective: '0', userNs: INITIAL },
    },
    settings: {
      pattern: 'core',
      isSupported: true,
      hasSockets: true,
      usesPid: false,
      pipeLimit: 0,
      suidDumpable: 0,
      smallestLimit: 4096,
      ...settings,
    },
    target: {
      ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs: INITIAL }),
      pid: 50,
      tgid: 50,
      comm: 'app',
      ...target,
    },
    process: {
      dumpable: ['user'],
      limit: { soft: 'unlimited', hard: 'unlimited' },
      fileSizeLimit: 'unlimited',
      isDumping: false,
      filter: 0x33,
      anonymousMemory: 1_000_000,
      groups: [],
      caught: '0',
      ignored: '0',
      blocked: '0',
      names: {
        pid: 7,
        globalPid: 50,
        uid: 1000,
        gid: 1000,
        comm: 'app',
        exe: '/usr/bin/app',
        hostname: 'box',
      },
      ...process,
    },
    sites: { user: place, root: place },
    receiver,
  };
}

const judged = (given: Case) => {
  const { verdict, decidedBy } = checkCoreDump(factsOf(given));
  return `${verdict} ${decidedBy}`;
};

const NONE = { soft: 0, hard: 0 } as const;
const ONE = { soft: 1, hard: 1 } as const;

describe('a socket in core_pattern gets the core of a dumpable process at each limit', () => {
  const at = (pattern: string, more: Case = {}): Case => ({
    receiver: 'ready',
    ...more,
    settings: { pattern },
  });

  it.each<[string, Case, string]>([
    ['gets the core', at('@/run/core.sock'), 'allowed socket'],
    ['at a limit of 0', at('@/run/core.sock', { process: { limit: NONE } }), 'allowed socket'],
    ['at a limit of 1', at('@/run/core.sock', { process: { limit: ONE } }), 'allowed socket'],
    ['at a dumpable of 2', at('@@/run/core.sock', { process: { dumpable: ['root'] } }), 'allowed socket'],
    ['not at 0', at('@/run/core.sock', { process: { dumpable: ['disabled'] } }), 'denied dumpable'],
    ['where nobody is seen to listen', at('@/run/core.sock', { receiver: 'unseen' }), 'unknown socket'],
    ['that is not there', at('@/run/core.sock', { receiver: 'missing' }), 'denied socket'],
    ['a relative path', at('@core.sock'), 'denied core-pattern'],
    ['a path with ..', at('@/run/../core.sock'), 'denied core-pattern'],
    ['a path with a blank', at('@/run/core %p'), 'denied core-pattern'],
    ['a path of 108 bytes', at(`@/${'x'.repeat(107)}`), 'denied core-pattern'],
  ])('%s', (_, given, expected) => expect(judged(given)).toBe(expected));

  it('names a file before Linux 6.16', () => {
    const given = at('@core');
    expect(judged({ ...given, settings: { ...given.settings, hasSockets: false } })).toMatch(/^allowed/);
    expect(judged({ ...given, settings: { ...given.settings, hasSockets: null } })).toBe(
      'unknown core-pattern',
    );
  });

  it.each([
    ['file\npipe\nsocket', '6.18.1', true],
    ['file\npipe', '6.18.1', false],
    [null, '6.16.0-rc1', true],
    [null, '7.0.0', true],
    [null, '6.15.9', false],
    [null, '6.1.176-um', false],
    [null, 'custom', null],
  ])('core_modes %j and release %s: %s', (modes, release, expected) =>
    expect(hasCoreSockets(modes, release)).toBe(expected),
  );

  it('leaves the channel core-dumps open where the process stays dumpable', () => {
    const shut: Closing = { state: 'closed', sideEffects: [], undo: 'nothing' };
    expect(whereSent('socket', true, shut)).toMatchObject({ state: 'open', isFailure: true });
    expect(whereSent('socket', false, shut)).toBe(shut);
    expect(whereSent('pipe', true, shut)).toBe(shut);
  });
});

it.each([
  ['core', '6.18.0', 'pass'],
  ['|/bin/x', '6.18.0', 'unknown'],
  ['@/run/core.sock', '6.18.0', 'unknown'],
  ['@core', '6.1.0', 'pass'],
])('the audit of core_pattern %s on %s: %s', (pattern, kernelRelease, verdict) => {
  const running = { kernelRelease, sysctl: { 'kernel/core_pattern': pattern } } as unknown as Running;
  expect(corePatternRow(running)).toMatchObject({ verdict, found: pattern });
});

describe('unseen facts', () => {
  it.each<[string, Case, string]>([
    ['0 or 2, and a relative path', { process: { dumpable: ['disabled', 'root'] } }, 'denied safe-path'],
    [
      '0 or 2, and an absolute one',
      {
        process: { dumpable: ['disabled', 'root'] },
        settings: { pattern: '/srv/core' },
        site: { directories: [] },
      },
      'unknown dumpable',
    ],
    ['any dumpable', { process: { dumpable: ['disabled', 'user', 'root'] } }, 'unknown dumpable'],
    [
      'any dumpable, and a limit of 0',
      { process: { dumpable: ['user', 'root'], limit: NONE } },
      'denied core-limit',
    ],
    ['1 or 2, and a relative path', { process: { dumpable: ['user', 'root'] } }, 'unknown safe-path'],
    ['its limits', { process: { limit: null } }, 'unknown core-limit'],
    ['core_pattern', { settings: { pattern: null }, process: { limit: NONE } }, 'unknown core-pattern'],
    ['its directory', { site: { directories: null } }, 'unknown directory'],
    ['whether that is read-only', { site: { isReadOnly: null } }, 'unknown directory'],
    ['a file system without owners', { site: { keepsOwners: false } }, 'unknown directory'],
    ['a program in core_pattern', { settings: { pattern: '|/bin/x' }, receiver: 'unseen' }, 'unknown helper'],
    ['all of it', { target: { kind: 'unknown' } }, 'unknown exiting'],
    ['threads after the first', { target: { kind: 'zombie', threads: 2 } }, 'unknown zombie'],
  ])('%s', (_, given, expected) => expect(judged(given)).toBe(expected));

  it('the groups of the process, if only a group may write', () => {
    const directories = [{ path: '/srv', uid: 0, gid: 44, mode: 0o770 }];
    expect(judged({ site: { directories }, process: { groups: null } })).toBe('unknown directory');
    expect(judged({ site: { directories }, process: { groups: [44] } })).toMatch(/^allowed/);
    expect(judged({ site: { directories }, process: { groups: [45] } })).toBe('denied directory');
  });
});

describe('at a dumpable of 2 root writes the core, without the capabilities of the process', () => {
  const at = (uid: number, mode: number): Case => ({
    settings: { pattern: '/srv/core' },
    process: { dumpable: ['root'] },
    site: { directories: [{ path: '/srv', uid, gid: uid, mode }] },
  });

  it.each<[string, Case, RegExp]>([
    ["in root's directory", at(0, 0o755), /^allowed/],
    ["not in a user's own", at(1000, 0o700), /^denied directory/],
    [
      'not over a file that is there',
      { ...at(0, 0o755), site: { ...at(0, 0o755).site, existing: { kind: 'file', uid: 0 } } },
      /^denied existing-file/,
    ],
    [
      'with CAP_DAC_OVERRIDE in that of a user too',
      { ...at(1000, 0o700), target: { capEffective: '2' } },
      /^allowed/,
    ],
  ])('%s', (_, given, expected) => expect(judged(given)).toMatch(expected));
});

describe('a process in the middle of its core', () => {
  it('leaves no second core', () => {
    expect(judged({ process: { isDumping: true } })).toBe('denied exiting');
  });
});

describe('the name', () => {
  const nameOf = (pattern: string, settings: Case['settings'] = {}) => {
    const facts = factsOf({ settings: { pattern, ...settings } });
    return coreTemplate(facts.settings, facts.process!, 'user');
  };

  it.each([
    ['core', false, 'core', true],
    ['core', true, 'core.7', true],
    ['core.%p', true, 'core.7', true],
    ['%e-%u-%g-%P-%h-%f-%E-%d-%c', false, `app-1000-1000-50-box-app-!usr!bin!app-1-${2n ** 64n - 1n}`, true],
    ['100%%.%q.%', false, '100%..', true],
    ['core.%t', false, 'core.%t', false],
  ])('%s, core_uses_pid %s: %s', (pattern, usesPid, path, isExact) =>
    expect(nameOf(pattern, { usesPid })).toMatchObject({ kind: 'file', path, isExact }),
  );

  it('of more than 255 bytes is unusable', () => {
    expect(judged({ settings: { pattern: `/srv/${'x'.repeat(256)}` } })).toBe('denied core-pattern');
  });
});

describe('what would change it', () => {
  const remedies = (given: Case) => {
    const facts = factsOf(given);
    return coreRemedies(facts, checkCoreDump(facts), NO_SURROUNDINGS).map(({ actions }) =>
      actions
        .map(({ command, call, what }) => command ?? call?.slice(0, 19) ?? what.slice(0, 27))
        .join(' + '),
    );
  };
  const PATTERN =
    'sudo install -d -m 1777 /var/crash && sudo sysctl kernel.core_pattern=/var/crash/core.%e.%p';

  it.each<[string, Case, string[]]>([
    [
      'a soft limit of 0',
      { process: { limit: { soft: 0, hard: 'unlimited' } } },
      ['prlimit --pid 50 --core=unlimited:'],
    ],
    ['a hard limit of 0', { process: { limit: NONE } }, ['sudo prlimit --pid 50 --core=unlimited:unlimited']],
    [
      'a pipe and a limit of 1',
      { process: { limit: ONE }, settings: { pattern: '|/bin/x' }, receiver: 'ready' },
      ['prlimit --pid 50 --core=0:'],
    ],
    [
      'a dumpable of 2 and a relative path',
      { process: { dumpable: ['root'] } },
      ["setDumpable('user')", PATTERN],
    ],
    [
      'a directory that is another user’s',
      { site: { directories: [{ path: '/', uid: 0, gid: 0, mode: 0o755 }] } },
      ['start it in a directory whe', PATTERN],
    ],
    [
      'a limit and a directory',
      {
        process: { limit: NONE },
        site: { directories: [{ path: '/', uid: 0, gid: 0, mode: 0o755 }] },
      },
      [
        'sudo prlimit --pid 50 --core=unlimited:unlimited + start it in a directory whe',
        `sudo prlimit --pid 50 --core=unlimited:unlimited + ${PATTERN}`,
      ],
    ],
    ['a program that is missing', { settings: { pattern: '|/bin/x' }, receiver: 'missing' }, [PATTERN]],
  ])('%s', (_, given, expected) => expect(remedies(given)).toEqual(expected));
});

describe('the receiver, and the notes', () => {
  it('systemd-coredump stores the core; the owner of a file at a dumpable of 2 is root', () => {
    const piped = factsOf({
      settings: { pattern: '|/usr/lib/systemd/systemd-coredump %P %u', pipeLimit: 16 },
      receiver: 'ready',
    });
    expect(coreDestination(piped)).toMatchObject({
      kind: 'pipe',
      program: '/usr/lib/systemd/systemd-coredump',
    });
    expect(coreNotes(piped).join('\n')).toMatch(/coredumpctl info PID.*core_pipe_limit is 16/s);
    const asRoot = factsOf({ process: { dumpable: ['root'] }, settings: { pattern: '/srv/core' } });
    expect(coreDestination(asRoot)).toMatchObject({ kind: 'file', owner: 0, path: '/srv/core' });
  });

  it('handlers, an empty filter, a tracer and pid 1 are noted', () => {
    const notes = coreNotes(
      factsOf({
        target: { tracerPid: 9 },
        process: { caught: '400', filter: 0, names: { ...factsOf().process!.names, pid: 1 } },
      }),
    ).join('\n');
    expect(notes).toMatch(/handles SIGSEGV/);
    expect(notes).toMatch(/coredump_filter is 0x0/);
    expect(notes).toMatch(/Process 9 traces it/);
    expect(notes).toMatch(/pid 1 of its pid namespace/);
  });
});

it('limits are read as the kernel writes them', () => {
  const text = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max file size             unlimited            unlimited            bytes     ',
    'Max core file size        0                    unlimited            bytes     ',
  ].join('\n');
  expect(limitsFrom(text, 'Max core file size')).toEqual({ soft: 0, hard: 'unlimited' });
  expect(limitsFrom(text, 'Max nothing')).toBeNull();
});
