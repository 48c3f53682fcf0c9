// Each rule of the access check, case by case.
import { describe, expect, it } from 'vitest';
import { CAPABILITIES, type Capability, capabilityMask } from '../../lib/kernel/capabilities.js';
import type { PerfAdmits } from '../../lib/kernel/perf-events.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { parsePtraceScope } from '../../lib/kernel/ptrace-scope.js';
import { unseenProcess } from '../../lib/kernel/read-process-facts.js';
import { INITIAL_USER_NS } from '../../lib/kernel/user-namespace.js';
import { checkAccess } from '../../lib/policy/access/access-check.js';
import { ACCESS_MODES, type AccessMode } from '../../lib/policy/access/access-mode.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import type { Host } from '../../lib/policy/access/question.js';
import {
  PERF_REFERENCES,
  REFERENCES,
  type RuleId,
  TRACEME_REFERENCES,
  type Verdict,
} from '../../lib/policy/access/verdict.js';

/*
 * The expectations are read from the kernel (v6.18: kernel/ptrace.c, kernel/fork.c, fs/proc/base.c, security/), not
 * from our code.
 */

const same = (id: number) => ({ real: id, effective: id, saved: id, fs: id });
const caps = (...names: Capability[]) => capabilityMask(names).toString(16).padStart(16, '0');
const holding = (...names: Capability[]) => ({ capPermitted: caps(...names), capEffective: caps(...names) });
const NONE = caps();
const PTRACE = holding('CAP_SYS_PTRACE');

const plain: ProcessFacts = {
  pid: 0,
  ppid: 1,
  tgid: 0,
  startTime: 7,
  comm: 'x',
  kind: 'user',
  uids: same(1000),
  gids: same(1000),
  userNs: INITIAL_USER_NS,
  userNsRuledOut: null,
  memoryUserNs: INITIAL_USER_NS,
  capPermitted: NONE,
  capEffective: NONE,
  capInheritable: NONE,
  capBounding: NONE,
  dumpable: true,
  seccomp: 'none',
  noNewPrivs: false,
  tracerPid: 0,
  tracerTgid: 0,
  tracedThreads: [],
  threadRights: [],
  threads: 1,
  lsmLabel: '',
  declaredTracer: 'none',
};

/** Root's namespace, one that uid 1000 made, one within that, and another that uid 1001 made. */
const NAMESPACES: Host['userNsParents'] = {
  [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 },
  mine: { parent: INITIAL_USER_NS, owner: 1000, root: 100000 },
  inner: { parent: 'mine', owner: 1001, root: 200000 },
  theirs: { parent: INITIAL_USER_NS, owner: 1001, root: 300000 },
};

interface Scene {
  tracer?: Partial<ProcessFacts>;
  target?: Partial<ProcessFacts>;
  host?: Partial<Host>;
  /** The host: init (1), the shell (10), the tracer (20) and the target (30). */
  others?: Partial<ProcessFacts>[];
  isConfined?: boolean | null;
}

const HOST: Omit<Host, 'processes'> = {
  kernelRelease: '6.18.44',
  yama: { state: 'absent' },
  lsms: ['capability', 'yama'],
  lsmsRuledOut: [],
  perfEvents: { state: 'present', paranoid: 2, admits: 'everyone' },
  suidDumpable: 0,
  userNsParents: NAMESPACES,
  corePattern: 'core',
  observedAs: { uid: 0, capEffective: NONE, userNs: INITIAL_USER_NS },
};

const row = (facts: Partial<ProcessFacts>): ProcessFacts => ({ ...plain, tgid: facts.pid ?? 0, ...facts });

function check(mode: AccessMode, { tracer, target, host, others = [], isConfined }: Scene = {}): Verdict {
  const tracerFacts = row({ pid: 20, ppid: 10, ...tracer });
  const targetFacts = row({ pid: 30, ppid: 10, ...target });
  const processes = [
    row({ pid: 1, ppid: 0, uids: same(0), gids: same(0) }),
    row({ pid: 10 }),
    tracerFacts,
    targetFacts,
    ...others.map(row),
  ];
  return checkAccess(tracerFacts, targetFacts, { ...HOST, processes, ...host }, mode, undefined, isConfined);
}

const scope = (value: 0 | 1 | 2 | 3): Partial<Host> => ({ yama: parsePtraceScope(`${value}`) });

type Expected = 'allowed' | `${'denied' | 'unknown'} by ${RuleId}`;

const said = ({ verdict, decidedBy }: Verdict) =>
  verdict === 'allowed' ? 'allowed' : `${verdict} by ${decidedBy}`;

const BUT_PERF = ACCESS_MODES.filter(mode => mode !== 'perf');
const ACCESSES = ['attach', 'vm-read', 'getfd', 'mem', 'read', 'environ', 'kcmp'] as const;
const ATTACHING = ['attach', 'vm-read', 'getfd', 'mem'] as const;
const READING = ['read', 'environ', 'kcmp'] as const;
const OF_CALLS = ['attach', 'vm-read', 'getfd', 'kcmp'] as const;
const OF_MEMORY = ['vm-read', 'mem', 'environ'] as const;

/** A case: the rule's name, the modes, the scene, and the kernel's answer. */
type Case = [rule: string, modes: readonly AccessMode[], scene: Scene, expected: Expected];

function table(title: string, cases: readonly Case[]) {
  describe(title, () => {
    for (const [rule, modes, scene, expected] of cases) {
      it.each(modes)(`${rule} (%s): ${expected}`, mode => {
        const verdict = check(mode, scene);
        expect(said(verdict), JSON.stringify(verdict.steps, null, 1)).toBe(expected);
      });
    }
  });
}

table('no rule refuses', [
  ['two plain processes of one user without Yama', ACCESS_MODES, {}, 'allowed'],
  ['at scope 0', ACCESS_MODES, { host: scope(0) }, 'allowed'],
]);

table('same thread group: kernel/ptrace.c, __ptrace_may_access(), before everything else', [
  ['a process does not attach to itself', ['attach'], { target: { pid: 20 } }, 'denied by same-thread-group'],
  [
    'a thread does not attach to its process',
    ['attach'],
    { tracer: { pid: 21, tgid: 30 } },
    'denied by same-thread-group',
  ],
  [
    'a process may read itself with any credentials, capabilities, memory and scope',
    ['vm-read', 'getfd', 'read', 'kcmp'],
    {
      tracer: { tgid: 30 },
      target: { uids: same(0), dumpable: false, capPermitted: caps('CAP_SYS_ADMIN') },
      host: scope(3),
    },
    'allowed',
  ],
  [
    'the mode of its files comes first: a process that is not dumpable cannot open its own',
    ['mem', 'environ'],
    { tracer: { tgid: 30 }, target: { dumpable: false } },
    'denied by file-permission',
  ],
  [
    'a leader that has ended has no memory for its threads to read',
    ['vm-read'],
    { tracer: { pid: 31, tgid: 30 }, target: { kind: 'zombie', dumpable: null, memoryUserNs: null } },
    'denied by zombie',
  ],
]);

table('kernel threads: kernel/ptrace.c, ptrace_attach(); kernel/fork.c, get_task_mm()', [
  [
    'attaching and reading memory are refused to every tracer',
    ['attach', 'vm-read', 'mem', 'environ'],
    { tracer: { uids: same(0), gids: same(0), ...PTRACE }, target: { kind: 'kernel-thread', uids: same(0) } },
    'denied by kernel-thread',
  ],
  [
    'other access is allowed to a tracer with CAP_SYS_PTRACE in the initial namespace',
    ['read', 'kcmp'],
    { tracer: PTRACE, target: { kind: 'kernel-thread', uids: same(0), dumpable: null, memoryUserNs: null } },
    'allowed',
  ],
]);

for (const [kind, id] of ['uids', 'gids'].flatMap(kind =>
  ['real', 'effective', 'saved'].map(id => [kind, id] as const),
)) {
  table(`credentials: the target's ${id} ${kind}`, [
    [
      'must be those of the tracer',
      ACCESSES.filter(mode => mode !== 'mem' && mode !== 'environ'),
      { target: { [kind]: { ...same(1000), [id]: 1001 } } },
      'denied by credentials',
    ],
    [
      'a tracer with CAP_SYS_PTRACE passes',
      ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
      { tracer: PTRACE, target: { [kind]: { ...same(1000), [id]: 1001 } } },
      'allowed',
    ],
  ]);
}

table('credentials: kernel/ptrace.c, __ptrace_may_access()', [
  ['the target’s fs ids do not count', ACCESSES, { target: { uids: { ...same(1000), fs: 0 } } }, 'allowed'],
  [
    'REALCREDS: the real ids of the tracer count',
    OF_CALLS,
    { tracer: { uids: { real: 1000, effective: 0, saved: 0, fs: 0 } } },
    'allowed',
  ],
  [
    'REALCREDS: its effective and fs ids do not help',
    OF_CALLS,
    { tracer: { uids: { ...same(1000), real: 0 } } },
    'denied by credentials',
  ],
  [
    'FSCREDS: the fs uid counts',
    ['mem', 'read', 'environ'],
    { tracer: { uids: { ...same(0), fs: 1000 } } },
    'allowed',
  ],
  [
    'FSCREDS: the fs gid too',
    ['mem', 'read', 'environ'],
    { tracer: { gids: { ...same(0), fs: 1000 } } },
    'allowed',
  ],
  [
    'FSCREDS: the real uid does not help',
    ['read'],
    { tracer: { uids: { ...same(1000), fs: 0 } } },
    'denied by credentials',
  ],
  [
    'another gid alone refuses',
    ['mem', 'environ'],
    { target: { gids: { ...same(1000), saved: 0 } } },
    'denied by credentials',
  ],
  [
    'root without capabilities counts as an ordinary user',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { tracer: { uids: same(0), gids: same(0) } },
    'denied by credentials',
  ],
  [
    'a capability that is permitted and not effective does not help',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { tracer: { capPermitted: caps('CAP_SYS_PTRACE') }, target: { uids: same(1001) } },
    'denied by credentials',
  ],
  [
    'nor does any other capability',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { tracer: holding('CAP_SYS_ADMIN', 'CAP_DAC_OVERRIDE', 'CAP_KILL'), target: { uids: same(1001) } },
    'denied by credentials',
  ],
]);

table('dumpable: kernel/ptrace.c, task_still_dumpable()', [
  [
    'of the same user, it refuses',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { target: { dumpable: false } },
    'denied by dumpable',
  ],
  [
    'CAP_SYS_PTRACE in the namespace of the memory allows',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { tracer: PTRACE, target: { dumpable: false } },
    'allowed',
  ],
  [
    'the dumpable flag may be unseen',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { target: { dumpable: null, memoryUserNs: null } },
    'unknown by dumpable',
  ],
  [
    'which does not matter to CAP_SYS_PTRACE in the initial namespace',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { tracer: PTRACE, target: { dumpable: null, memoryUserNs: null, userNs: 'mine' } },
    'allowed',
  ],
  [
    'but matters to CAP_SYS_PTRACE in a namespace below: the memory may belong to one above',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    {
      tracer: { userNs: 'mine', ...PTRACE },
      target: { userNs: 'mine', dumpable: false, memoryUserNs: null },
    },
    'unknown by dumpable',
  ],
  [
    'the namespace of the memory counts: the owner of the namespace of the process is refused',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { target: { dumpable: false, userNs: 'mine' } },
    'denied by dumpable',
  ],
  [
    'the owner of the namespace of the memory is allowed',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { target: { dumpable: false, userNs: 'mine', memoryUserNs: 'mine' } },
    'allowed',
  ],
  ['PTRACE_TRACEME does not look at it', ['traceme'], { target: { dumpable: false } }, 'allowed'],
]);

table('capability subset: security/commoncap.c, cap_ptrace_access_check() and cap_ptrace_traceme()', [
  [
    'one more permitted capability of the target refuses, READ and TRACEME too',
    ACCESS_MODES,
    { target: { capPermitted: caps('CAP_NET_BIND_SERVICE') } },
    'denied by capability-subset',
  ],
  [
    'the target’s effective set does not count',
    ACCESS_MODES,
    { tracer: holding('CAP_NET_RAW'), target: { capPermitted: caps('CAP_NET_RAW') } },
    'allowed',
  ],
  [
    'REALCREDS: the tracer’s permitted set counts',
    [...OF_CALLS, 'traceme'],
    { tracer: { capPermitted: caps('CAP_NET_RAW') }, target: holding('CAP_NET_RAW') },
    'allowed',
  ],
  [
    'FSCREDS: the tracer’s effective set counts',
    ['mem', 'read', 'environ'],
    { tracer: { capPermitted: caps('CAP_NET_RAW') }, target: holding('CAP_NET_RAW') },
    'denied by capability-subset',
  ],
  [
    'a tracer with CAP_SYS_PTRACE passes',
    ACCESS_MODES,
    { tracer: PTRACE, target: holding('CAP_NET_RAW') },
    'allowed',
  ],
]);

table('user namespaces: security/commoncap.c, cap_capable()', [
  [
    'another namespace refuses, even with the same ids',
    ACCESS_MODES,
    { target: { userNs: 'theirs', memoryUserNs: 'theirs' } },
    'denied by capability-subset',
  ],
  ['the effective uid that made it holds all in it', ACCESS_MODES, { target: { userNs: 'mine' } }, 'allowed'],
  [
    'the capability also holds in namespaces below',
    ACCESS_MODES,
    { target: { userNs: 'inner', memoryUserNs: 'inner' } },
    'allowed',
  ],
  [
    'the effective uid counts, not the real one',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp', 'traceme'],
    { tracer: { uids: { ...same(1000), effective: 1001 } }, target: { userNs: 'mine' } },
    'denied by capability-subset',
  ],
  [
    'only from the namespace right above: the uid that made the inner one is not above it',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp', 'traceme'],
    {
      tracer: { uids: { ...same(1000), effective: 1001 } },
      target: { userNs: 'inner', memoryUserNs: 'inner' },
    },
    'denied by capability-subset',
  ],
  [
    'that uid in the namespace above it does',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp', 'traceme'],
    {
      tracer: { userNs: 'mine', uids: { ...same(1000), effective: 1001 } },
      target: { userNs: 'inner', memoryUserNs: 'inner' },
    },
    'allowed',
  ],
  [
    'a capability from above holds below',
    ACCESS_MODES,
    { tracer: PTRACE, target: { userNs: 'inner', memoryUserNs: 'inner' } },
    'allowed',
  ],
  [
    'a capability from below does not hold above',
    ACCESS_MODES,
    { tracer: { userNs: 'mine', ...PTRACE } },
    'denied by capability-subset',
  ],
  [
    'a capability does not hold in a sibling namespace',
    ACCESS_MODES,
    { tracer: { userNs: 'mine', ...PTRACE }, target: { userNs: 'theirs', memoryUserNs: 'theirs' } },
    'denied by capability-subset',
  ],
  [
    'scopes 1 and 2 do not protect from the creator of the namespace',
    ['attach', 'vm-read', 'mem'],
    { target: { userNs: 'mine' }, host: scope(2) },
    'allowed',
  ],
]);

/** As seen from within a container: nothing above its own namespace. */
const CONTAINER: Partial<Host> = {
  userNsParents: {
    own: { parent: 'unknown', owner: null, root: 0 },
    below: { parent: 'own', owner: 1001, root: 5000 },
    beside: { parent: 'own', owner: 1001, root: 6000 },
  },
};
const inside = (userNs: string | null) => ({ userNs, memoryUserNs: userNs });

table('user namespaces that are not all seen', [
  [
    'in the tracer’s own namespace the capability is enough',
    ['attach', 'kcmp', 'traceme'],
    {
      tracer: { ...PTRACE, ...inside('own') },
      target: { uids: same(1001), ...inside('below') },
      host: CONTAINER,
    },
    'allowed',
  ],
  [
    'a tracer in a sibling namespace is not above',
    ['attach', 'kcmp', 'traceme'],
    { tracer: { ...PTRACE, ...inside('beside') }, target: inside('below'), host: CONTAINER },
    'denied by capability-subset',
  ],
  [
    'a tracer in an unseen namespace may be above',
    ['attach', 'kcmp', 'traceme'],
    { tracer: { ...PTRACE, ...inside(null) }, target: inside('below'), host: CONTAINER },
    'unknown by capability-subset',
  ],
  [
    'CAP_SYS_PTRACE in the initial namespace holds in any',
    ['attach', 'kcmp', 'traceme'],
    { tracer: PTRACE, target: inside(null) },
    'allowed',
  ],
  [
    'also in one with unseen ancestors',
    ['attach', 'kcmp', 'traceme'],
    {
      tracer: PTRACE,
      target: inside('lost'),
      host: { userNsParents: { ...NAMESPACES, lost: { parent: 'unknown', owner: null, root: null } } },
    },
    'allowed',
  ],
  [
    'an unseen namespace may be below a seen one',
    ['attach', 'kcmp', 'traceme'],
    {
      tracer: { userNs: 'mine', ...PTRACE },
      target: inside('lost'),
      host: { userNsParents: { ...NAMESPACES, lost: { parent: 'unknown', owner: null, root: null } } },
    },
    'unknown by capability-subset',
  ],
  [
    'without the capability the creator’s uid may count',
    ['attach', 'kcmp', 'traceme'],
    { target: inside(null) },
    'unknown by capability-subset',
  ],
  [
    'a tracer without capabilities has none in the initial namespace',
    ['attach', 'kcmp'],
    { tracer: inside(null), target: { uids: same(1001) } },
    'denied by credentials',
  ],
  [
    'the creator of the namespace may be unknown',
    ['attach', 'kcmp', 'traceme'],
    {
      target: inside('mine'),
      host: { userNsParents: { ...NAMESPACES, mine: { ...NAMESPACES.mine!, owner: null } } },
    },
    'unknown by capability-subset',
  ],
]);

const CHILD: Scene = { target: { ppid: 20 } };

table('Yama, by scope: security/yama/yama_lsm.c, yama_ptrace_access_check()', [
  ['scope 1 asks a stranger for a relation', ATTACHING, { host: scope(1) }, 'denied by yama-relation'],
  [
    'scope 2 demands the capability from the parent as well',
    ATTACHING,
    { ...CHILD, host: scope(2) },
    'denied by yama-scope',
  ],
  ['scope 2 allows a tracer with the capability', ATTACHING, { tracer: PTRACE, host: scope(2) }, 'allowed'],
  [
    'scope 3 refuses every tracer',
    ATTACHING,
    { ...CHILD, tracer: PTRACE, host: scope(3) },
    'denied by yama-scope',
  ],
  [
    'an unseen scope makes the answer unknown',
    [...ATTACHING, 'traceme'],
    { tracer: PTRACE, host: { yama: parsePtraceScope('') } },
    'unknown by yama-scope',
  ],
  [
    'a scope never overrides the refusal of another rule',
    ['attach', 'vm-read'],
    { target: { dumpable: false }, host: { yama: parsePtraceScope('') } },
    'denied by dumpable',
  ],
  ...([0, 1, 2, 3] as const).map(
    (value): Case => [`READ is left alone at scope ${value}`, READING, { host: scope(value) }, 'allowed'],
  ),
  ['an unseen scope does not matter to READ', READING, { host: { yama: parsePtraceScope('') } }, 'allowed'],
]);

const RELATED: Case[] = [
  ['the parent', ATTACHING, CHILD, 'allowed'],
  ['the grandparent', ATTACHING, { target: { ppid: 25 }, others: [{ pid: 25, ppid: 20 }] }, 'allowed'],
  ['a thread of the parent', ATTACHING, { tracer: { pid: 21, tgid: 20 }, target: { ppid: 20 } }, 'allowed'],
  [
    'the parent, of a thread',
    ATTACHING,
    { target: { pid: 31, tgid: 30, ppid: 20 }, others: [{ pid: 30, ppid: 20 }] },
    'allowed',
  ],
  ['not the child', ATTACHING, { tracer: { ppid: 30 } }, 'denied by yama-relation'],
  [
    'not a tracer whose pid namespace does not include the target',
    ATTACHING,
    { target: { ppid: 0 } },
    'denied by yama-relation',
  ],
  ['the capability needs no relation', ATTACHING, { tracer: PTRACE }, 'allowed'],
  [
    'an unseen parent may be the tracer, or its descendant',
    ATTACHING,
    { target: { ppid: null } },
    'unknown by yama-relation',
  ],
  [
    'a parent that is not listed may be the tracer',
    ATTACHING,
    { target: { ppid: 99 } },
    'unknown by yama-relation',
  ],
  [
    'the ancestry may have changed during the look',
    ATTACHING,
    {
      target: { ppid: 25 },
      others: [
        { pid: 25, ppid: 26 },
        { pid: 26, ppid: 25 },
      ],
    },
    'unknown by yama-relation',
  ],
];

const DECLARED: Case[] = [
  ['anyone', ATTACHING, { target: { declaredTracer: 'any' } }, 'allowed'],
  ['the tracer', ATTACHING, { target: { declaredTracer: 20 } }, 'allowed'],
  ['an ancestor of the tracer', ATTACHING, { target: { declaredTracer: 10 } }, 'allowed'],
  ['init, which admits every process', ATTACHING, { target: { declaredTracer: 1 } }, 'allowed'],
  [
    'a descendant of the tracer, which does not admit the tracer',
    ATTACHING,
    { target: { declaredTracer: 25 }, others: [{ pid: 25, ppid: 20 }] },
    'denied by yama-relation',
  ],
  [
    'a thread of the tracer, which admits its process',
    ATTACHING,
    { target: { declaredTracer: 21 }, others: [{ pid: 21, tgid: 20, ppid: 10 }] },
    'allowed',
  ],
  [
    'a pid that is not listed: a thread of an unknown process, or an ended process',
    ATTACHING,
    { target: { declaredTracer: 99 } },
    'unknown by yama-relation',
  ],
  [
    'an unknown declaration',
    ATTACHING,
    { target: { declaredTracer: 'unknown' } },
    'unknown by yama-relation',
  ],
  [
    'the declaration is the leader’s, and a thread’s row has none',
    ATTACHING,
    { target: { pid: 31, tgid: 30 }, others: [{ pid: 30, ppid: 10, declaredTracer: 20 }] },
    'allowed',
  ],
  [
    'it is not inherited: the parent’s does not count',
    ATTACHING,
    { target: { ppid: 25 }, others: [{ pid: 25, ppid: 10, declaredTracer: 'any' }] },
    'denied by yama-relation',
  ],
  [
    'at scope 2 the declaration has no effect',
    ATTACHING,
    { target: { declaredTracer: 'any' }, host: scope(2) },
    'denied by yama-scope',
  ],
];

const ATTACHED: Case[] = [
  ['may still read', ['vm-read', 'mem'], { target: { tracerPid: 21, tracerTgid: 20 } }, 'allowed'],
  [
    'does not attach twice',
    ['attach'],
    { target: { tracerPid: 20, tracerTgid: 20 } },
    'denied by already-traced',
  ],
  [
    'another tracer gives no right',
    ['vm-read', 'mem'],
    { target: { tracerPid: 40, tracerTgid: 40 } },
    'denied by yama-relation',
  ],
  [
    'the tracer may be unseen',
    ['vm-read'],
    { target: { tracerPid: null, tracerTgid: null } },
    'unknown by yama-relation',
  ],
  [
    'at scope 2 it may no longer read',
    ['vm-read', 'mem'],
    { target: { tracerPid: 20, tracerTgid: 20 }, host: scope(2) },
    'denied by yama-scope',
  ],
  [
    'at scope 3 it may no longer read',
    ['vm-read', 'mem'],
    { target: { tracerPid: 20, tracerTgid: 20 }, host: scope(3) },
    'denied by yama-scope',
  ],
];

const atScope1 = (cases: readonly Case[]) =>
  cases.map(([rule, modes, scene, expected]): Case => [rule, modes, { host: scope(1), ...scene }, expected]);

table('Yama, scope 1, ancestors: task_is_descendant()', atScope1(RELATED));
table('Yama, scope 1, PR_SET_PTRACER of: ptracer_exception_found()', atScope1(DECLARED));
table('Yama, scope 1, a tracer that is attached already: ptracer_exception_found()', atScope1(ATTACHED));

table('zombies and exiting processes', [
  [
    'an attach passes the access check and is refused for that',
    ['attach'],
    { tracer: PTRACE, target: { kind: 'zombie', dumpable: null, memoryUserNs: null } },
    'denied by zombie',
  ],
  [
    'there is no memory for any tracer',
    OF_MEMORY,
    {
      tracer: { ...holding('CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE') },
      target: { kind: 'zombie', dumpable: null, memoryUserNs: null },
    },
    'denied by zombie',
  ],
  [
    'whether it must have been dumpable depends on the kernel',
    ['read', 'kcmp'],
    { target: { kind: 'zombie', dumpable: null, memoryUserNs: null } },
    'unknown by dumpable',
  ],
  [
    'but not for CAP_SYS_PTRACE',
    ['read', 'kcmp'],
    { tracer: PTRACE, target: { kind: 'zombie', dumpable: null, memoryUserNs: null } },
    'allowed',
  ],
  [
    'a process that is about to end may still be traced, or not',
    ['attach', 'vm-read'],
    { tracer: PTRACE, target: { kind: 'exiting', dumpable: null, memoryUserNs: null } },
    'unknown by zombie',
  ],
]);

table('already traced: kernel/ptrace.c, ptrace_attach() and ptrace_traceme()', [
  [
    'there is one tracer',
    ['attach', 'traceme'],
    { target: { tracerPid: 40, tracerTgid: 40 } },
    'denied by already-traced',
  ],
  [
    'a tracer does not prevent other access',
    ['vm-read', 'mem', ...READING],
    { target: { tracerPid: 40, tracerTgid: 40 } },
    'allowed',
  ],
  [
    'the presence of a tracer may be unseen',
    ['attach', 'traceme'],
    { target: { tracerPid: null } },
    'unknown by already-traced',
  ],
]);

table('PTRACE_TRACEME: kernel/ptrace.c, ptrace_traceme()', [
  ['asks for no ids', ['traceme'], { target: { uids: same(0), gids: same(0) } }, 'allowed'],
  ['is allowed at scope 1', ['traceme'], { host: scope(1) }, 'allowed'],
  ['at scope 2 the parent needs the capability', ['traceme'], { host: scope(2) }, 'denied by yama-scope'],
  [
    'the capability of the parent counts, not of the child',
    ['traceme'],
    { target: { capEffective: caps('CAP_SYS_PTRACE') }, host: scope(2) },
    'denied by yama-scope',
  ],
  ['a parent with the capability may', ['traceme'], { tracer: PTRACE, host: scope(2) }, 'allowed'],
  ['scope 3 refuses every parent', ['traceme'], { tracer: PTRACE, host: scope(3) }, 'denied by yama-scope'],
]);

table('seccomp: kernel/seccomp.c', [
  ['strict mode refuses the calls', ACCESSES, { tracer: { seccomp: 'strict' } }, 'denied by seccomp'],
  ['a filter cannot be read', ACCESSES, { tracer: { seccomp: 'filter' } }, 'unknown by seccomp'],
  ['the presence of a filter may be unseen', ACCESSES, { tracer: { seccomp: null } }, 'unknown by seccomp'],
  ['the target’s filter does not count', ACCESSES, { target: { seccomp: 'strict' } }, 'allowed'],
  [
    'for TRACEME the filter of the target counts',
    ['traceme'],
    { target: { seccomp: 'filter' } },
    'unknown by seccomp',
  ],
  ['the parent’s filter does not count', ['traceme'], { tracer: { seccomp: 'strict' } }, 'allowed'],
  [
    'a filter does not override the refusal of another rule',
    ['attach', 'vm-read', 'getfd', 'read', 'kcmp'],
    { tracer: { seccomp: 'filter' }, target: { uids: same(0) } },
    'denied by credentials',
  ],
]);

const LSMS = ['capability', 'landlock', 'yama', 'apparmor'];
const labelled = (tracer: string | null, target: string | null, lsms: string[] | null = LSMS): Scene => ({
  tracer: { lsmLabel: tracer },
  target: { lsmLabel: target },
  host: { lsms },
});
/** Where no list of modules is to be read, as in containers. */
const without = (lsmsRuledOut: string[], label: string | null): Scene => ({
  tracer: { lsmLabel: label },
  target: { lsmLabel: label },
  host: { lsms: null, lsmsRuledOut },
});

table('AppArmor: security/apparmor/ipc.c, profile_tracer_perm() and profile_tracee_perm()', [
  ['an unconfined tracer passes', ACCESS_MODES, labelled('unconfined', 'web (enforce)'), 'allowed'],
  [
    'a tracer with an unconfined profile passes',
    ACCESS_MODES,
    labelled('ci (unconfined)', 'web (enforce)'),
    'allowed',
  ],
  [
    'the policy of a confined tracer decides',
    ACCESS_MODES,
    labelled('web (enforce)', 'unconfined'),
    'unknown by other-lsm',
  ],
  [
    'a tracer in complain mode passes to a target without rules',
    ACCESS_MODES,
    labelled('db (complain)', 'unconfined'),
    'allowed',
  ],
  [
    'the target’s profile may refuse by itself',
    ACCESS_MODES,
    labelled('db (complain)', 'web (enforce)'),
    'unknown by other-lsm',
  ],
  ['a label may not be seen', ACCESS_MODES, labelled(null, 'unconfined'), 'unknown by other-lsm'],
  ['none of the other modules runs', ACCESS_MODES, without(['selinux', 'smack'], 'unconfined'), 'allowed'],
  [
    'a label alone doesn’t name its module: labels of Smack are free texts',
    ACCESS_MODES,
    without(['selinux'], 'unconfined'),
    'unknown by other-lsm',
  ],
  ['none of the modules runs', ACCESS_MODES, without(['apparmor', 'selinux', 'smack'], ''), 'allowed'],
  [
    'SELinux has no policy yet: security/selinux/ss/services.c, security_compute_av()',
    ACCESS_MODES,
    without(['apparmor', 'smack'], 'kernel'),
    'allowed',
  ],
  ['any module may run', BUT_PERF, without([], null), 'unknown by other-lsm'],
  ['SELinux, perf asks it first', ['perf'], without([], null), 'unknown by perf-lsm'],
  [
    'the policy of SELinux decides',
    BUT_PERF,
    labelled('u:r:t', 'u:r:t', ['selinux']),
    'unknown by other-lsm',
  ],
  [
    'it has a hook in perf_event_open, whatever the target is',
    ['perf'],
    labelled('u:r:t', 'u:r:t', ['selinux']),
    'unknown by perf-lsm',
  ],
]);

const LABELLING = ['apparmor', 'selinux', 'smack'];

table('Landlock: security/landlock/task.c, hook_ptrace_access_check() and hook_ptrace_traceme()', [
  [
    'a tracer without no_new_privs counts as in no domain',
    ACCESS_MODES,
    { host: { lsms: ['landlock'] } },
    'allowed',
  ],
  [
    'a tracer with no_new_privs may be in a domain, and READ is filtered too',
    ACCESS_MODES,
    { tracer: { noNewPrivs: true }, host: { lsms: ['landlock'] } },
    'unknown by landlock',
  ],
  [
    'no_new_privs of the tracer may be unseen',
    ACCESS_MODES,
    { tracer: { noNewPrivs: null }, host: { lsms: ['landlock'] } },
    'unknown by landlock',
  ],
  [
    'the target’s domain does not matter',
    ACCESS_MODES,
    { target: { noNewPrivs: true }, host: { lsms: ['landlock'] } },
    'allowed',
  ],
  ['without Landlock there is no domain', ACCESS_MODES, { tracer: { noNewPrivs: true } }, 'allowed'],
  [
    'with an unseen list of modules, Landlock may run',
    ACCESS_MODES,
    { tracer: { noNewPrivs: true }, host: { lsms: null, lsmsRuledOut: LABELLING } },
    'unknown by landlock',
  ],
  [
    'Landlock may be known not to run',
    ACCESS_MODES,
    { tracer: { noNewPrivs: true }, host: { lsms: null, lsmsRuledOut: [...LABELLING, 'landlock'] } },
    'allowed',
  ],
  [
    'a domain keeps the tracer from all outside of it',
    ACCESS_MODES,
    { isConfined: true },
    'denied by landlock',
  ],
  [
    'no capability over the target opens a domain',
    BUT_PERF.filter(mode => mode !== 'environ'),
    { isConfined: true, tracer: holding(...CAPABILITIES) },
    'denied by landlock',
  ],
  [
    'CAP_PERFMON passes before the access check',
    ['environ', 'perf'],
    { isConfined: true, tracer: holding('CAP_PERFMON', 'CAP_DAC_OVERRIDE') },
    'allowed',
  ],
  [
    'neither ancestry nor a declaration opens a domain',
    BUT_PERF,
    { isConfined: true, host: scope(1), target: { ppid: 20, declaredTracer: 'any' } },
    'denied by landlock',
  ],
  [
    'the stricter scopes refuse no earlier',
    ['attach', 'vm-read', 'getfd', 'mem'],
    { isConfined: true, host: scope(3) },
    'denied by landlock',
  ],
  [
    'whether the target is outside of the domain may be unseen',
    ACCESS_MODES,
    { isConfined: null },
    'unknown by landlock',
  ],
  [
    'a process has access to itself in a domain too',
    ['vm-read'],
    { isConfined: true, target: { tgid: 20 } },
    'allowed',
  ],
]);

const FILES = ['mem', 'environ'] as const;

table('the mode of /proc/PID files: fs/proc/base.c, task_dump_owner(); fs/namei.c, generic_permission()', [
  ['they belong to the effective uid', FILES, { target: { uids: same(1001) } }, 'denied by file-permission'],
  [
    'CAP_SYS_PTRACE opens no file',
    FILES,
    { tracer: PTRACE, target: { uids: same(1001) } },
    'denied by file-permission',
  ],
  ...(['CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH'] as const).flatMap((name): Case[] => [
    [
      `${name} opens any`,
      FILES,
      { tracer: holding(name, 'CAP_SYS_PTRACE'), target: { uids: same(1001) } },
      'allowed',
    ],
    [
      `${name} alone meets the access check`,
      FILES,
      { tracer: holding(name), target: { uids: same(1001) } },
      'denied by credentials',
    ],
    [
      `${name} must be effective`,
      FILES,
      { tracer: { capPermitted: caps(name) }, target: { uids: same(1001) } },
      'denied by file-permission',
    ],
    [
      `${name} of another namespace: whether that knows the owner is not seen`,
      FILES,
      {
        tracer: { userNs: 'mine', memoryUserNs: 'mine', ...holding(name, 'CAP_SYS_PTRACE') },
        target: { userNs: 'mine', memoryUserNs: 'mine', uids: same(1001) },
      },
      'unknown by file-permission',
    ],
  ]),
  ['not dumpable: they belong to root', FILES, { target: { dumpable: false } }, 'denied by file-permission'],
  [
    'root opens them, and is refused because the process is not dumpable',
    FILES,
    { tracer: { uids: { ...same(1000), fs: 0 } }, target: { uids: same(0), dumpable: false } },
    'denied by dumpable',
  ],
  [
    'in a namespace: they belong to its root',
    FILES,
    {
      tracer: { uids: { ...same(1000), fs: 100000 } },
      target: { userNs: 'mine', memoryUserNs: 'mine', dumpable: false },
    },
    'allowed',
  ],
  [
    'with an unseen dumpable flag, they belong to either',
    FILES,
    { target: { dumpable: null, memoryUserNs: null } },
    'unknown by file-permission',
  ],
  [
    'the files of root’s process belong to root in either case',
    FILES,
    {
      tracer: { uids: same(0), gids: same(0), ...PTRACE },
      target: { uids: same(0), gids: same(0), dumpable: null, memoryUserNs: null },
    },
    'allowed',
  ],
  [
    'links and calls have no such mode',
    ['read', 'kcmp', 'vm-read'],
    { tracer: PTRACE, target: { uids: same(0) } },
    'allowed',
  ],
]);

const ROOT_OF_FILES = holding('CAP_DAC_READ_SEARCH', 'CAP_PERFMON');
const closed: Partial<ProcessFacts> = { uids: same(0), dumpable: false };

table('CAP_PERFMON: kernel/fork.c, may_access_mm()', [
  ['reads memory in 6.18', ['environ'], { tracer: ROOT_OF_FILES, target: closed }, 'allowed'],
  [
    'so does CAP_SYS_ADMIN',
    ['environ'],
    { tracer: holding('CAP_DAC_OVERRIDE', 'CAP_SYS_ADMIN'), target: closed },
    'allowed',
  ],
  [
    'after the file’s own mode',
    ['environ'],
    { tracer: holding('CAP_PERFMON'), target: closed },
    'denied by file-permission',
  ],
  [
    'READ access to memory only',
    ['mem', 'read', 'kcmp', 'vm-read'],
    { tracer: ROOT_OF_FILES, target: closed },
    'denied by credentials',
  ],
  ...['6.12.90+deb13-amd64', '6.1.0-44-amd64', '5.15.0'].map(
    (kernelRelease): Case => [
      `not in ${kernelRelease}`,
      ['environ'],
      { tracer: ROOT_OF_FILES, target: closed, host: { kernelRelease } },
      'denied by credentials',
    ],
  ),
  ...['6.14.0', 'unnumbered'].map(
    (kernelRelease): Case => [
      `perhaps in ${kernelRelease}`,
      ['environ'],
      { tracer: ROOT_OF_FILES, target: closed, host: { kernelRelease } },
      'unknown by perfmon',
    ],
  ),
  [
    'in 7.1',
    ['environ'],
    { tracer: ROOT_OF_FILES, target: closed, host: { kernelRelease: '7.1.0' } },
    'allowed',
  ],
  [
    'in the initial namespace only',
    ['environ'],
    {
      tracer: { userNs: 'mine', uids: { ...same(1000), fs: 100000 }, ...holding('CAP_PERFMON') },
      target: { userNs: 'mine', memoryUserNs: 'mine', uids: same(1001), dumpable: false },
    },
    'denied by credentials',
  ],
]);

const another: Partial<ProcessFacts> = { uids: same(1001), gids: same(1001) };
const perf = (paranoid: number, admits: PerfAdmits): Partial<Host> => ({
  perfEvents: { state: 'present', paranoid, admits },
});
const { perfEvents: _, ...WITHOUT_PERF_EVENTS } = HOST;

table('perf_event_open: kernel/events/core.c, perf_event_open() and perf_check_permission()', [
  ['READ access, at no scope of Yama', ['perf'], { host: scope(3) }, 'allowed'],
  ['by the ids', ['perf'], { target: another }, 'denied by credentials'],
  ['and dumpable', ['perf'], { target: { dumpable: false } }, 'denied by dumpable'],
  ['CAP_PERFMON passes both', ['perf'], { tracer: holding('CAP_PERFMON'), target: closed }, 'allowed'],
  ['so does CAP_SYS_ADMIN', ['perf'], { tracer: holding('CAP_SYS_ADMIN'), target: closed }, 'allowed'],
  [
    'effective, not permitted',
    ['perf'],
    { tracer: { capPermitted: caps('CAP_PERFMON') }, target: closed },
    'denied by credentials',
  ],
  [
    'in the initial user namespace',
    ['perf'],
    {
      tracer: { userNs: 'mine', memoryUserNs: 'mine', ...holding('CAP_PERFMON') },
      target: { userNs: 'mine', memoryUserNs: 'mine', ...another },
    },
    'denied by credentials',
  ],
  [
    'CAP_SYS_PTRACE passes the access check',
    ['perf'],
    { tracer: PTRACE, target: { ...closed, memoryUserNs: INITIAL_USER_NS } },
    'allowed',
  ],
  [
    'a profile of AppArmor may withhold the capability',
    ['perf', 'environ'],
    {
      tracer: { ...holding('CAP_PERFMON', 'CAP_DAC_OVERRIDE'), lsmLabel: 'web (enforce)' },
      target: closed,
      host: { lsms: ['apparmor'] },
    },
    'unknown by perfmon',
  ],
  ...['5.8.0', '4.18.0-553.el8_10.x86_64'].map(
    (kernelRelease): Case => [
      `perhaps in ${kernelRelease}`,
      ['perf'],
      { tracer: holding('CAP_PERFMON'), target: closed, host: { kernelRelease } },
      'unknown by perfmon',
    ],
  ),
  [
    'a zombie has no events, for root either',
    ['perf'],
    { tracer: holding('CAP_SYS_ADMIN'), target: { kind: 'zombie' } },
    'denied by zombie',
  ],
  [
    'the own process has no events after its end',
    ['perf'],
    { tracer: { tgid: 30 }, target: { kind: 'zombie' } },
    'denied by zombie',
  ],
  [
    'a kernel thread has events events',
    ['perf'],
    { tracer: holding('CAP_PERFMON'), target: { kind: 'kernel-thread', ...closed } },
    'allowed',
  ],
  [
    'a kernel without perf events',
    ['perf'],
    { tracer: holding('CAP_SYS_ADMIN'), host: { perfEvents: { state: 'absent' } } },
    'denied by perf-events',
  ],
  [
    'the presence of perf events is unseen',
    ['perf'],
    { host: { perfEvents: { state: 'unknown', cause: 'no /proc' } } },
    'unknown by perf-events',
  ],
  [
    'a refusal holds with unseen perf events too',
    ['perf'],
    { target: another, host: { perfEvents: { state: 'unknown', cause: 'no /proc' } } },
    'denied by credentials',
  ],
]);

table('kernel.perf_event_paranoid above 2: "security,perf: Allow further restriction of perf_event_open"', [
  ['mainline: as at 2', ['perf'], { host: perf(3, 'everyone') }, 'allowed'],
  [
    'Debian: every process is refused',
    ['perf'],
    { host: perf(3, 'CAP_SYS_ADMIN') },
    'denied by perf-paranoid',
  ],
  [
    'events of the own process are refused too',
    ['perf'],
    { tracer: { tgid: 30 }, host: perf(3, 'CAP_SYS_ADMIN') },
    'denied by perf-paranoid',
  ],
  [
    'CAP_PERFMON is refused too',
    ['perf'],
    { tracer: holding('CAP_PERFMON'), host: perf(3, 'CAP_SYS_ADMIN') },
    'denied by perf-paranoid',
  ],
  [
    'CAP_SYS_PTRACE is refused too',
    ['perf'],
    { tracer: PTRACE, host: perf(3, 'CAP_SYS_ADMIN') },
    'denied by perf-paranoid',
  ],
  [
    'except with CAP_SYS_ADMIN',
    ['perf'],
    { tracer: holding('CAP_SYS_ADMIN'), target: closed, host: perf(3, 'CAP_SYS_ADMIN') },
    'allowed',
  ],
  [
    'another kernel: CAP_PERFMON',
    ['perf'],
    { tracer: holding('CAP_PERFMON'), host: perf(4, 'CAP_PERFMON') },
    'allowed',
  ],
  [
    'the capability is unseen',
    ['perf'],
    { tracer: holding('CAP_PERFMON'), host: perf(4, 'privileged') },
    'unknown by perf-paranoid',
  ],
  [
    'a tracer with neither capability is refused',
    ['perf'],
    { tracer: PTRACE, host: perf(4, 'privileged') },
    'denied by perf-paranoid',
  ],
  [
    'the behaviour of this kernel is unseen',
    ['perf'],
    { host: perf(4, 'unknown') },
    'unknown by perf-paranoid',
  ],
  [
    'CAP_SYS_ADMIN is never refused',
    ['perf'],
    { tracer: holding('CAP_SYS_ADMIN'), host: perf(4, 'unknown') },
    'allowed',
  ],
  ['no other mode checks it', BUT_PERF, { host: perf(4, 'CAP_SYS_ADMIN') }, 'allowed'],
]);

it('facts without HostFacts.perfEvents leave perf unknown, and nothing else', () => {
  const [tracer, target] = [row({ pid: 20 }), row({ pid: 30 })];
  const old = { ...WITHOUT_PERF_EVENTS, processes: [tracer, target] };
  expect(said(checkAccess(tracer, target, old, 'perf'))).toBe('unknown by perf-events');
  for (const mode of BUT_PERF) expect(said(checkAccess(tracer, target, old, mode))).toBe('allowed');
});

const unseen = (pid: number): Partial<ProcessFacts> => unseenProcess(pid);

table('unseen facts counts only where it could decide', [
  [
    'nothing is known about a hidden target',
    ['read', 'kcmp'],
    { target: unseen(30) },
    'unknown by credentials',
  ],
  [
    'whether it is a kernel thread is unknown too',
    ['attach', 'vm-read'],
    { target: unseen(30) },
    'unknown by kernel-thread',
  ],
  [
    'the owner of its files is unknown too',
    ['mem', 'environ'],
    { target: unseen(30) },
    'unknown by file-permission',
  ],
  [
    'scope 3 refuses nevertheless',
    ['attach'],
    { target: unseen(30), host: scope(3) },
    'denied by yama-scope',
  ],
  [
    'two ids of the target that differ are enough',
    ['attach', 'read', 'kcmp'],
    {
      tracer: { uids: { real: null, effective: null, saved: null, fs: null } },
      target: { uids: { ...same(0), saved: 1000 } },
    },
    'denied by credentials',
  ],
  [
    'the set of a target may be empty',
    ['attach'],
    { target: { capPermitted: null } },
    'unknown by capability-subset',
  ],
  [
    'an empty set is a subset of any',
    ['attach', 'read'],
    { tracer: { capPermitted: null, capEffective: null } },
    'allowed',
  ],
  [
    'a dumpable target has memory of any namespace',
    ['attach', 'read'],
    { target: { memoryUserNs: null } },
    'allowed',
  ],
]);

describe('the verdict', () => {
  const deny: Scene = { target: { uids: same(0), dumpable: false }, host: scope(3) };
  const rulesOf = (verdict: Verdict) => verdict.steps.map(({ rule }) => rule);

  it('has every rule of the mode in the kernel’s order', () => {
    expect(rulesOf(check('attach', { host: scope(1) }))).toEqual([
      'seccomp',
      'kernel-thread',
      'same-thread-group',
      'credentials',
      'dumpable',
      'capability-subset',
      'landlock',
      'yama-scope',
      'yama-relation',
      'other-lsm',
      'zombie',
      'already-traced',
    ]);
    const access = [
      'same-thread-group',
      'credentials',
      'dumpable',
      'capability-subset',
      'landlock',
      'yama-scope',
      'other-lsm',
    ];
    expect(rulesOf(check('vm-read'))).toEqual(['seccomp', 'kernel-thread', 'zombie', ...access]);
    expect(rulesOf(check('mem'))).toEqual([
      'seccomp',
      'file-permission',
      'kernel-thread',
      'zombie',
      ...access,
    ]);
    expect(rulesOf(check('environ'))).toEqual([
      'seccomp',
      'file-permission',
      'kernel-thread',
      'zombie',
      ...access,
    ]);
    expect(rulesOf(check('read'))).toEqual(['seccomp', ...access]);
    expect(rulesOf(check('kcmp'))).toEqual(['seccomp', ...access]);
    expect(rulesOf(check('perf'))).toEqual([
      'seccomp',
      'perf-events',
      'perf-paranoid',
      'perf-lsm',
      'zombie',
      ...access,
    ]);
    expect(rulesOf(check('traceme'))).toEqual([
      'seccomp',
      'already-traced',
      'capability-subset',
      'landlock',
      'yama-scope',
      'other-lsm',
    ]);
  });

  it.each(ACCESS_MODES)('%s: each step names its source, as the mode has it, and says why', mode => {
    for (const { rule, because, reference } of check(mode, deny).steps) {
      expect(because).not.toBe('');
      const own = mode === 'traceme' ? TRACEME_REFERENCES : mode === 'perf' ? PERF_REFERENCES : {};
      const expected = own[rule] ?? REFERENCES[rule];
      expect(reference).toBe(expected);
      expect(reference).toMatch(/^(kernel|fs|security)\/[\w/]+\.c, \w+\(\)/);
    }
  });

  it('is decided by the first rule that surely refuses, and lists the rest', () => {
    const verdict = check('attach', { ...deny, tracer: { seccomp: 'filter' } });
    expect(said(verdict)).toBe('denied by credentials');
    expect(verdict.steps.filter(({ outcome }) => outcome === 'deny').map(({ rule }) => rule)).toEqual([
      'credentials',
      'dumpable',
      'yama-scope',
    ]);
  });

  it('ends with the rule that allows', () => {
    expect(rulesOf(check('read', { tracer: { tgid: 30 } })).at(-1)).toBe('same-thread-group');
    expect(rulesOf(check('environ', { tracer: ROOT_OF_FILES, target: closed })).at(-1)).toBe('perfmon');
  });

  it.each(ACCESS_MODES)('%s: no process has this pid', mode => {
    const verdict = checkAccess(row({ pid: 20 }), null, { ...HOST, processes: [] }, mode);
    expect(said(verdict)).toBe('denied by no-such-process');
    expect(verdict.steps).toMatchObject([
      { outcome: 'deny', reference: 'kernel/pid.c, find_get_task_by_vpid()' },
    ]);
  });

  it('the reason why a target is not dumpable is given as far as it can be seen', () => {
    const because = (target: Partial<ProcessFacts>) =>
      check('attach', { target: { dumpable: false, memoryUserNs: INITIAL_USER_NS, ...target } }).steps.find(
        ({ rule }) => rule === 'dumpable',
      )?.because;
    const byFile = 'as it is permitted CAP_NET_RAW, one whose file has capabilities)';
    expect(because({ capPermitted: caps('CAP_NET_RAW') })).toContain(byFile);
    expect(because({})).toContain('a program that may not be read)');
    // Root has them without a file's, also one that may become root again.
    for (const uids of [same(0), { ...same(1000), saved: 0 }])
      expect(because({ capPermitted: caps('CAP_NET_RAW'), uids })).toContain(
        'a program that may not be read)',
      );
  });

  it('names the checks that could refuse without a sign, and were assumed not to', () => {
    const lsms = ['capability', 'landlock', 'yama', 'bpf'];
    expect(check('attach', { host: { lsms } }).undetectable).toEqual(['landlock', 'bpf']);
    expect(check('attach', { host: { lsms: null } }).undetectable).toEqual(['landlock', 'bpf']);
    expect(check('attach').undetectable).toEqual([]);
    expect(check('attach', { ...deny, host: { lsms } }).undetectable).toEqual([]);
    expect(check('read', { tracer: { tgid: 30 }, host: { lsms } }).undetectable).toEqual([]);
  });
});

it.each(['CAP_SYS_PTRACES', 'toString', 7])('hypotheticalProcess() refuses the capability %j', name => {
  expect(() =>
    hypotheticalProcess({ uid: 0, gid: 0, userNs: '1', capabilities: [name as 'CAP_SYS_PTRACE'] }),
  ).toThrow(expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_OPTION' }));
});
