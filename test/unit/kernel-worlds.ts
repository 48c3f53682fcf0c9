/*
 * Hosts for the model of the kernel: made at random from few values, so that they often meet; with all facts known, and
 * then with some of them forgotten.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { CAPABILITIES, type Capability, capabilityMask } from '../../lib/kernel/capabilities.js';
import type { PerfAdmits, PerfEvents } from '../../lib/kernel/perf-events.js';
import type { ProcessFacts, SeenIds } from '../../lib/kernel/process-facts.js';
import type { PtraceScope, PtraceScopeValue } from '../../lib/kernel/ptrace-scope.js';
import { unseenProcess } from '../../lib/kernel/read-process-facts.js';
import { INITIAL_USER_NS, type UserNs } from '../../lib/kernel/user-namespace.js';
import type { AccessMode } from '../../lib/policy/access/access-mode.js';
import type { Host } from '../../lib/policy/access/question.js';
import * as model from './kernel-model.js';

/** A host with all facts known, and the tracer and the target of the question. */
export interface World {
  host: Host;
  /** Their pids: a process, or a thread of one. */
  tracer: number;
  target: number;
  /** Whether the tracer is in a Landlock domain that the target is outside of; null: perhaps. */
  isConfined?: boolean | null;
}

/** What decides and is no fact, for it never shows. */
export interface Hidden {
  filterRefuses: boolean;
  landlockRefuses: boolean;
  policyRefuses: boolean;
  remembersDumpable: boolean;
  wasDumpable: boolean;
  mapsOwner: boolean;
  /** Between the release that surely doesn't and the one that surely does. */
  perfmonReads: boolean;
  perfmonProfiles: boolean;
  paranoidAny: model.Kernel['perf_paranoid_any'];
  perfHookRefuses: boolean;
  policyWithholds: boolean;
  /** Of a target that is about to end. */
  exiting: { dumpable: boolean; memoryUserNs: string } | 'without-memory' | 'zombie';
}

export const rowOf = ({ host }: World, pid: number): ProcessFacts =>
  host.processes.find(facts => facts.pid === pid)!;

/** From a user namespace up. */
export function chainOf(host: Host, id: string): string[] {
  const parent = host.userNsParents[id]?.parent;
  return parent === undefined || parent === 'none' || parent === 'unknown'
    ? [id]
    : [id, ...chainOf(host, parent)];
}

/** By the kernel's release: measured of 6.18 and 6.1, read of 6.12; between them it came (kernel/fork.c, may_access_mm()). */
const PERFMON_READS: Record<string, boolean[]> = {
  '6.18.44': [true],
  '7.0.1': [true],
  '6.12.9-amd64': [false],
  '5.10.0': [false],
  '5.4.0': [false],
  '6.14.2': [false, true],
  '6.x': [false, true],
};
export const RELEASES = Object.keys(PERFMON_READS);

/** Since 5.9 (commit 45fd22da97c6); older ones may have it as a backport. */
const PERFMON_PROFILES: Record<string, boolean[]> = { '6.x': [false, true], '5.4.0': [false, true] };

const PARANOID_ANY: Record<PerfAdmits, Hidden['paranoidAny'][]> = {
  everyone: [null],
  CAP_PERFMON: ['perfmon_capable'],
  CAP_SYS_ADMIN: ['CAP_SYS_ADMIN'],
  privileged: ['perfmon_capable', 'CAP_SYS_ADMIN'],
  unknown: [null, 'perfmon_capable', 'CAP_SYS_ADMIN'],
};
const perfEventsAt = (paranoid: number, admits: PerfAdmits): PerfEvents => ({
  state: 'present',
  paranoid,
  admits,
});
const PERF_EVENTS: readonly PerfEvents[] = [
  perfEventsAt(2, 'everyone'),
  perfEventsAt(4, 'CAP_PERFMON'),
  perfEventsAt(3, 'CAP_SYS_ADMIN'),
  perfEventsAt(3, 'privileged'),
  perfEventsAt(4, 'unknown'),
  { state: 'absent' },
];
const paranoidAnyOf = ({ perfEvents }: Host): Hidden['paranoidAny'][] =>
  perfEvents?.state === 'present' ? PARANOID_ANY[perfEvents.admits] : [null];

// What never shows, as far as it can make a difference.

const APPARMOR_LETS = /^unconfined$| \(unconfined\)$/;
const APPARMOR_COMPLAINS = / \(complain\)$/;

/** security/apparmor/ipc.c, aa_may_ptrace(): a profile that only complains lets pass; each side has its own say. */
function policyMayRefuse({ lsms }: Host, tracer: ProcessFacts, target: ProcessFacts): boolean {
  if (lsms!.includes('selinux') || lsms!.includes('smack')) return true;
  if (!lsms!.includes('apparmor') || APPARMOR_LETS.test(tracer.lsmLabel!)) return false;
  const says = (label: string) => !APPARMOR_LETS.test(label) && !APPARMOR_COMPLAINS.test(label);
  return says(tracer.lsmLabel!) || says(target.lsmLabel!);
}

/** security/apparmor/capability.c, profile_capable(); security/selinux/hooks.c, cred_has_capability() */
function policyMayWithhold({ lsms }: Host, { lsmLabel }: ProcessFacts): boolean {
  if (lsms!.includes('selinux')) return true;
  return lsms!.includes('apparmor') && !APPARMOR_LETS.test(lsmLabel!) && !APPARMOR_COMPLAINS.test(lsmLabel!);
}

export function hiddenOf(world: World, mode: AccessMode): Hidden[] {
  const { host } = world;
  const tracer = rowOf(world, world.tracer);
  const target = rowOf(world, world.target);
  const caller = mode === 'traceme' ? target : tracer;
  const both = [false, true];
  const when = (condition: boolean) => (condition ? both : [false]);
  const isEnding = target.kind !== 'user' && mode !== 'traceme';
  let all: Partial<Hidden>[] = [{}];
  const cross = <Key extends keyof Hidden>(key: Key, values: readonly Hidden[Key][]) => {
    all = all.flatMap(one => values.map(value => ({ ...one, [key]: value })));
  };
  cross('filterRefuses', when(caller.seccomp === 'filter'));
  // Without a sign of it, it is taken not to be there.
  const mayBeConfined =
    world.isConfined === null || (host.lsms!.includes('landlock') && tracer.noNewPrivs === true);
  const isKnown = world.isConfined === true || world.isConfined === false;
  cross('landlockRefuses', isKnown ? [world.isConfined === true] : when(mayBeConfined));
  cross('policyRefuses', when(policyMayRefuse(host, tracer, target)));
  cross('remembersDumpable', when(isEnding));
  cross('wasDumpable', when(isEnding && target.kind !== 'kernel-thread'));
  cross('perfmonReads', PERFMON_READS[host.kernelRelease]!);
  const isPerf = mode === 'perf';
  cross('perfmonProfiles', isPerf ? (PERFMON_PROFILES[host.kernelRelease] ?? [true]) : [false]);
  cross('paranoidAny', isPerf ? paranoidAnyOf(host) : [null]);
  cross('perfHookRefuses', when(isPerf && host.lsms!.includes('selinux')));
  cross('policyWithholds', when((isPerf || mode === 'environ') && policyMayWithhold(host, tracer)));
  const isFile = mode === 'mem' || mode === 'environ';
  cross('mapsOwner', isFile && tracer.userNs !== INITIAL_USER_NS ? both : [true]);
  cross(
    'exiting',
    target.kind === 'exiting'
      ? [
          { dumpable: true, memoryUserNs: target.userNs! },
          ...chainOf(host, target.userNs!).map(memoryUserNs => ({ dumpable: false, memoryUserNs })),
          'without-memory',
          'zombie',
        ]
      : ['zombie'],
  );
  return all as Hidden[];
}

// From facts to the kernel's structures.

function namespacesOf({ userNsParents }: Host): Map<string, model.UserNamespace> {
  const made = new Map<string, model.UserNamespace>();
  const make = (id: string): model.UserNamespace => {
    const { parent, owner, root } = userNsParents[id]!;
    const above = parent === 'none' ? null : (made.get(parent) ?? make(parent));
    const ns = { parent: above, level: above === null ? 0 : above.level + 1, owner: owner!, zero: root! };
    made.set(id, ns);
    return ns;
  };
  for (const id of Object.keys(userNsParents)) if (!made.has(id)) make(id);
  return made;
}

function credOf(
  { uids, gids, userNs, capPermitted, capEffective }: ProcessFacts,
  ns: Map<string, model.UserNamespace>,
) {
  return {
    uid: uids.real!,
    euid: uids.effective!,
    suid: uids.saved!,
    fsuid: uids.fs!,
    gid: gids.real!,
    egid: gids.effective!,
    sgid: gids.saved!,
    fsgid: gids.fs!,
    user_ns: ns.get(userNs!)!,
    cap_permitted: BigInt(`0x${capPermitted!}`),
    cap_effective: BigInt(`0x${capEffective!}`),
  };
}

type Memory = Pick<ProcessFacts, 'dumpable' | 'memoryUserNs'>;

const mmOf = ({ dumpable, memoryUserNs }: Memory, ns: Map<string, model.UserNamespace>): model.Mm => ({
  dumpable: dumpable ? 1 : 0,
  user_ns: ns.get(memoryUserNs!)!,
});

function tasksOf({ host }: World, ns: Map<string, model.UserNamespace>): Map<number, model.Task> {
  const tasks = new Map<number, model.Task>();
  for (const facts of host.processes) {
    const task: Partial<model.Task> = {
      pid: facts.pid,
      cred: credOf(facts, ns),
      mm: facts.kind === 'user' ? mmOf(facts, ns) : null,
      is_kthread: facts.kind === 'kernel-thread',
      exit_state: facts.kind === 'zombie',
    };
    tasks.set(facts.pid, task as model.Task);
  }
  // init/init_task.c: it is its own parent.
  const swapper = { pid: 0 } as model.Task;
  Object.assign(swapper, { group_leader: swapper, real_parent: swapper });
  for (const facts of host.processes) {
    Object.assign(tasks.get(facts.pid)!, {
      group_leader: tasks.get(facts.tgid!)!,
      real_parent: tasks.get(facts.ppid!) ?? swapper,
      ptracer: facts.tracerPid === 0 ? null : tasks.get(facts.tracerPid!)!,
    });
  }
  return tasks;
}

interface Machine {
  kernel: Omit<model.Kernel, keyof ReturnType<typeof unseenOf>>;
  ns: Map<string, model.UserNamespace>;
  tasks: Map<number, model.Task>;
}

const machines = new WeakMap<World, Machine>();

function machineOf(world: World): Machine {
  const made = machines.get(world);
  if (made !== undefined) return made;
  const { host } = world;
  const ns = namespacesOf(host);
  const tasks = tasksOf(world, ns);
  const relations = new Map<model.Task, model.Task | null>();
  for (const { pid, tgid, declaredTracer } of host.processes) {
    if (pid !== tgid || declaredTracer === 'none') continue;
    relations.set(tasks.get(pid)!, declaredTracer === 'any' ? null : tasks.get(declaredTracer as number)!);
  }
  const kernel = {
    ptrace_scope: host.yama.state === 'present' ? host.yama.value : null,
    ptracer_relations: relations,
    init_user_ns: ns.get(INITIAL_USER_NS)!,
    has_perf_events: host.perfEvents?.state === 'present',
  };
  const machine = { kernel, ns, tasks };
  machines.set(world, machine);
  return machine;
}

const unseenOf = (hidden: Hidden) => ({
  remembers_dumpable: hidden.remembersDumpable,
  perfmon_reads_memory: hidden.perfmonReads,
  perfmon_profiles: hidden.perfmonProfiles,
  perf_paranoid_any: hidden.paranoidAny,
  perf_hook_refuses: hidden.perfHookRefuses,
  policy_withholds: hidden.policyWithholds,
  maps_owner: hidden.mapsOwner,
  landlock_refuses: hidden.landlockRefuses,
  policy_refuses: hidden.policyRefuses,
});

/** The target with what doesn't show of it. */
function setHidden(target: model.Task, { kind }: ProcessFacts, hidden: Hidden, { ns }: Machine): void {
  target.user_dumpable = hidden.wasDumpable;
  if (kind !== 'exiting') return;
  target.exit_state = hidden.exiting === 'zombie';
  target.mm = typeof hidden.exiting === 'string' ? null : mmOf(hidden.exiting, ns);
}

/** The answer of the kernel model. */
export function kernelSays(world: World, hidden: Hidden, mode: AccessMode): boolean {
  const machine = machineOf(world);
  const { tasks } = machine;
  const kernel: model.Kernel = { ...machine.kernel, ...unseenOf(hidden) };
  const tracer = tasks.get(world.tracer)!;
  const target = tasks.get(world.target)!;
  setHidden(target, rowOf(world, world.target), hidden, machine);
  const { seccomp } = rowOf(world, mode === 'traceme' ? world.target : world.tracer);
  if (seccomp === 'strict' || (seccomp === 'filter' && hidden.filterRefuses)) return false;
  switch (mode) {
    case 'attach':
      return model.ptrace_attach(kernel, tracer, target);
    case 'traceme':
      return model.ptrace_traceme(kernel, target, tracer);
    case 'vm-read':
      return model.mm_access(kernel, tracer, target, { access: 'ATTACH', creds: 'REALCREDS' });
    case 'getfd':
      return (
        !target.exit_state &&
        model.__ptrace_may_access(kernel, tracer, target, { access: 'ATTACH', creds: 'REALCREDS' })
      );
    case 'mem':
      return (
        model.may_open(kernel, tracer, target) &&
        model.mm_access(kernel, tracer, target, { access: 'ATTACH', creds: 'FSCREDS' })
      );
    case 'environ':
      return (
        model.may_open(kernel, tracer, target) &&
        model.mm_access(kernel, tracer, target, { access: 'READ', creds: 'FSCREDS' })
      );
    case 'read':
      return model.__ptrace_may_access(kernel, tracer, target, { access: 'READ', creds: 'FSCREDS' });
    case 'kcmp':
      return model.__ptrace_may_access(kernel, tracer, target, { access: 'READ', creds: 'REALCREDS' });
    case 'perf':
      return model.perf_event_open(kernel, tracer, target);
  }
}

/** Its answers for all values of the facts that can never be seen: both answers, if those facts decide. */
export function answersOf(world: World, mode: AccessMode): Set<boolean> {
  return new Set(hiddenOf(world, mode).map(hidden => kernelSays(world, hidden, mode)));
}

// At random.

export const UIDS = [0, 1000, 1001] as const;
export const scopeOf = (value: PtraceScopeValue): PtraceScope => ({
  state: 'present',
  value,
  name: (['classic', 'restricted', 'admin-only', 'no-attach'] as const)[value],
});
export const ABSENT: PtraceScope = { state: 'absent' };

export const maskOf = (...names: Capability[]) => capabilityMask(names).toString(16).padStart(16, '0');
export const FULL = maskOf(...CAPABILITIES);

/** Those that a rule looks at, and one that none does. */
export const TELLING = [
  'CAP_SYS_PTRACE',
  'CAP_NET_BIND_SERVICE',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_PERFMON',
  'CAP_SYS_ADMIN',
  'CAP_SETUID',
  'CAP_SETGID',
] as const;

const often = <T>(weight: number, value: T) => ({ weight, arbitrary: fc.constant(value) });
const atTimes = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });

const someIds: fc.Arbitrary<SeenIds> = fc.oneof(
  often(12, { real: 1000, effective: 1000, saved: 1000, fs: 1000 }),
  often(2, { real: 0, effective: 0, saved: 0, fs: 0 }),
  atTimes(
    3,
    fc.record({
      real: fc.constantFrom(1000, ...UIDS),
      effective: fc.constantFrom(1000, ...UIDS),
      saved: fc.constantFrom(1000, ...UIDS),
      fs: fc.constantFrom(1000, ...UIDS),
    }),
  ),
);

const someMask = fc.oneof(
  often(9, 0n),
  atTimes(
    4,
    fc.subarray([...TELLING]).map(names => capabilityMask(names)),
  ),
  often(1, capabilityMask(CAPABILITIES)),
);
const hex = (mask: bigint) => mask.toString(16).padStart(16, '0');

/** Indices into what there is; taken modulo its number. */
const somewhere = fc.nat(59);

const someRow = fc.record({
  threads: fc.constantFrom(1, 1, 3),
  parent: somewhere,
  isInitsChild: fc.boolean(),
  kind: fc.oneof(
    often(27, 'user' as const),
    often(1, 'zombie' as const),
    often(1, 'kernel-thread' as const),
    often(1, 'exiting' as const),
  ),
  uids: someIds,
  gids: someIds,
  userNs: fc.oneof(often(5, 0), atTimes(2, somewhere)),
  memory: fc.oneof(often(1, 0), atTimes(1, somewhere)),
  permitted: someMask,
  effective: fc.oneof(often(2, ~0n), atTimes(1, someMask)),
  bounding: fc.oneof(often(2, 0n), atTimes(1, someMask)),
  dumpable: fc.oneof(often(4, true), often(1, false)),
  seccomp: fc.oneof(often(24, 'none' as const), often(1, 'strict' as const), often(1, 'filter' as const)),
  noNewPrivs: fc.oneof(often(4, false), often(1, true)),
  tracer: fc.oneof(often(5, null), atTimes(2, somewhere)),
  declared: fc.oneof(often(3, 'none' as const), often(1, 'any' as const), atTimes(3, somewhere)),
  label: somewhere,
});

const someNamespace = fc.record({
  parent: somewhere,
  owner: fc.constantFrom(1000, ...UIDS),
  root: fc.constantFrom(0, 1000, 100000),
});

export const LSMS: readonly (readonly string[])[] = [
  ['capability', 'yama'],
  ['capability', 'landlock', 'yama'],
  ['capability', 'landlock', 'yama', 'apparmor', 'bpf'],
  ['capability', 'yama', 'apparmor'],
  ['capability', 'yama', 'selinux'],
];
const APPARMOR_LABELS = ['unconfined', 'unconfined', 'web (enforce)', 'db (complain)', 'ci (unconfined)'];
export function labelsOf(lsms: readonly string[]): string[] {
  if (lsms.includes('apparmor')) return APPARMOR_LABELS;
  return lsms.includes('selinux') ? ['system_u:system_r:init_t:s0'] : [''];
}

const SCOPES: PtraceScope[] = [
  ABSENT,
  scopeOf(0),
  ...[1, 1, 1, 1, 1].map(() => scopeOf(1)),
  scopeOf(2),
  scopeOf(3),
];

/** Pids of processes are below. */
const FIRST_THREAD = 1001;

const at = <T>(list: readonly T[], index: number): T => list[index % list.length]!;

export const someWorldOf = (most: number): fc.Arbitrary<World> =>
  fc
    .record({
      namespaces: fc.array(someNamespace, { maxLength: 3 }),
      leaders: fc.array(someRow, { minLength: 3, maxLength: most, size: 'max' }),
      threads: fc.array(fc.record({ of: somewhere, row: someRow }), { maxLength: 2 }),
      tracer: somewhere,
      target: somewhere,
      yama: fc.constantFrom(...SCOPES),
      lsms: fc.oneof(often(1, LSMS[0]!), atTimes(1, fc.constantFrom(...LSMS))),
      kernelRelease: fc.constantFrom(...RELEASES),
      perfEvents: fc.oneof(often(3, PERF_EVENTS[0]!), atTimes(2, fc.constantFrom(...PERF_EVENTS))),
    })
    .map(({ namespaces, leaders, threads, tracer, target, yama, lsms, kernelRelease, perfEvents }) => {
      const userNsParents: Record<string, UserNs> = {
        [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 },
      };
      for (const [index, { parent, owner, root }] of namespaces.entries()) {
        userNsParents[`${4026532000 + index}`] = {
          parent: at(Object.keys(userNsParents), parent),
          owner,
          root,
        };
      }
      const host: Host = {
        kernelRelease,
        yama,
        lsms: [...lsms],
        lsmsRuledOut: [],
        perfEvents,
        suidDumpable: 0,
        userNsParents,
        corePattern: 'core',
        observedAs: { uid: 0, capEffective: FULL, userNs: INITIAL_USER_NS },
        processes: [],
      };
      const ids = Object.keys(userNsParents);
      const leaderPids = leaders.map((_, index) => index + 1);
      const pids = [...leaderPids, ...threads.map((_, index) => FIRST_THREAD + index)];
      const tgidOf = (pid: number) =>
        pid >= FIRST_THREAD ? at(leaderPids, threads[pid - FIRST_THREAD]!.of) : pid;
      const ppidOf = (pid: number): number => {
        const { parent, isInitsChild } = leaders[tgidOf(pid) - 1]!;
        // Those before it; 0: out of the pid namespace.
        return isInitsChild ? Math.min(1, tgidOf(pid) - 1) : parent % tgidOf(pid);
      };
      host.processes = pids.map((pid): ProcessFacts => {
        const row = pid >= FIRST_THREAD ? threads[pid - FIRST_THREAD]!.row : leaders[pid - 1]!;
        const isUser = row.kind === 'user';
        const userNs = at(ids, row.userNs);
        const tracerPid = row.tracer === null ? 0 : at(pids, row.tracer);
        return {
          pid,
          ppid: ppidOf(pid),
          tgid: tgidOf(pid),
          startTime: pid,
          comm: 'x',
          kind: row.kind,
          uids: row.uids,
          gids: row.gids,
          userNs,
          userNsRuledOut: null,
          memoryUserNs: isUser ? at(chainOf(host, userNs), row.memory) : null,
          capPermitted: hex(row.permitted),
          capEffective: hex(row.permitted & row.effective),
          capInheritable: hex(0n),
          capBounding: hex(row.permitted | row.bounding),
          dumpable: isUser ? row.dumpable : null,
          seccomp: row.seccomp,
          noNewPrivs: row.noNewPrivs,
          tracerPid,
          tracerTgid: tracerPid === 0 ? 0 : tgidOf(tracerPid),
          tracedThreads: [],
          threadRights: [],
          threads: row.threads,
          lsmLabel: at(labelsOf(lsms), row.label),
          declaredTracer: typeof row.declared === 'number' ? at(pids, row.declared) : row.declared,
        };
      });
      // Mostly two of them.
      const tracerPid = at(pids, tracer);
      const others = pids.filter(pid => pid !== tracerPid);
      return { host, tracer: tracerPid, target: target === 0 ? tracerPid : at(others, target) };
    });

export const someWorld = someWorldOf(5);

/** The same host where half of the processes have threads with the rights of other processes. */
export function withOtherThreads({ host, ...world }: World): World {
  const all = host.processes;
  const threadsOf = (pid: number) => (pid % 2 === 0 ? [] : [at(all, pid * 5 + 1), at(all, pid * 11 + 2)]);
  const processes = all.map(facts => ({
    ...facts,
    tracedThreads: threadsOf(facts.pid).flatMap(({ pid, tracerPid, tracerTgid }) =>
      tracerPid === null || tracerPid === 0 ? [] : [{ tid: pid, tracerPid, tracerTgid }],
    ),
    threadRights: threadsOf(facts.pid).map(thread => ({
      tid: thread.pid,
      uids: thread.uids,
      gids: thread.gids,
      capPermitted: thread.capPermitted ?? '0',
      capEffective: thread.capEffective ?? '0',
      capInheritable: thread.capInheritable,
      capBounding: thread.capBounding,
      seccomp: thread.seccomp,
      noNewPrivs: thread.noNewPrivs,
    })),
  }));
  return { ...world, host: { ...host, processes } };
}

// Forgetting: a forgotten fact of a row becomes null or 'unknown', like an unseen one.

/** Forgets the namespace, but for one that it isn't: the last of them, which is seldom the initial one. */
function ruleOut(
  { userNs, kind, dumpable, memoryUserNs }: ProcessFacts,
  host: Host,
  below: boolean,
): Partial<ProcessFacts> {
  if (userNs === null) return {};
  const chain = chainOf(host, userNs);
  // Some facts about its ancestors may have been forgotten already.
  if (below && host.userNsParents[chain.at(-1)!]?.parent !== 'none') return {};
  const id = Object.keys(host.userNsParents).findLast(other =>
    below ? !chain.includes(other) : other !== userNs,
  );
  if (id === undefined) return {};
  const memory =
    kind === 'user' &&
    id === INITIAL_USER_NS &&
    dumpable === false &&
    memoryUserNs !== null &&
    memoryUserNs !== id;
  return { userNs: null, userNsRuledOut: { id, below, memory }, memoryUserNs: null };
}

/** What isn't seen together. */
const GROUPS: Record<string, (facts: ProcessFacts, host: Host) => Partial<ProcessFacts>> = {
  everything: ({ pid }) => unseenProcess(pid),
  ppid: () => ({ ppid: null }),
  tgid: () => ({ tgid: null }),
  memory: () => ({ kind: 'unknown', dumpable: null, memoryUserNs: null }),
  dumpable: () => ({ dumpable: null, memoryUserNs: null }),
  memoryUserNs: () => ({ memoryUserNs: null }),
  userNs: () => ({ userNs: null, userNsRuledOut: null, memoryUserNs: null }),
  // As its id maps show it to a process in another namespace.
  'userNs but for another': (facts, host) => ruleOut(facts, host, false),
  'userNs but for another and those below': (facts, host) => ruleOut(facts, host, true),
  capabilities: () => ({ capPermitted: null, capEffective: null, capInheritable: null, capBounding: null }),
  seccomp: () => ({ seccomp: null }),
  noNewPrivs: () => ({ noNewPrivs: null }),
  tracer: () => ({ tracerPid: null, tracerTgid: null }),
  tracerTgid: ({ tracerPid }) => (tracerPid === 0 ? {} : { tracerTgid: null }),
  lsmLabel: () => ({ lsmLabel: null }),
  declaredTracer: () => ({ declaredTracer: 'unknown' }),
  uids: () => ({ uids: { real: null, effective: null, saved: null, fs: null } }),
};
for (const kind of ['uids', 'gids'] as const) {
  for (const id of ['real', 'effective', 'saved', 'fs'] as const) {
    GROUPS[`${kind}.${id}`] = facts => ({ [kind]: { ...facts[kind], [id]: null } });
  }
}

/** One of these facts may be seen alone: the kernel shows them together, but the types don't say so. */
const ALONE: typeof GROUPS = {
  capPermitted: () => ({ capPermitted: null }),
  capEffective: () => ({ capEffective: null }),
  dumpableAlone: () => ({ dumpable: null }),
};

/** The list of modules as it is where securityfs isn't mounted: which don't run shows, or that doesn't either. */
const HOST_FACTS = [
  'yama',
  'lsms',
  'lsms but for those that do not run',
  'kernelRelease',
  'perfEvents',
  'who perf events admit',
] as const;
type HostFact = (typeof HOST_FACTS)[number];

/** Those that the rules look at, but for BPF, of which nothing shows. */
const notRunning = (lsms: readonly string[]) =>
  ['apparmor', 'selinux', 'smack', 'landlock'].filter(name => !lsms.includes(name));

export type Forgotten =
  | { of: 'tracer' | 'target' | 'another'; row: number; what: string }
  | { of: 'host'; what: HostFact }
  | { of: 'namespace'; row: number; what: 'owner' | 'root' | 'parent' | 'row' }
  | { of: 'processes'; row: number };

const changeRow = (
  world: World,
  pid: number,
  change: (facts: ProcessFacts, host: Host) => Partial<ProcessFacts>,
): World => ({
  ...world,
  host: {
    ...world.host,
    processes: world.host.processes.map(facts =>
      facts.pid === pid ? { ...facts, ...change(facts, world.host) } : facts,
    ),
  },
});

const changeNamespaces = (world: World, userNsParents: Record<string, UserNs>): World => ({
  ...world,
  host: { ...world.host, userNsParents },
});

function forgetOfNamespace(world: World, { row, what }: { row: number; what: string }): World {
  const { userNsParents } = world.host;
  const id = at(Object.keys(userNsParents), row);
  const { [id]: entry, ...others } = userNsParents;
  if (what === 'row') return changeNamespaces(world, others);
  // That the initial one is the initial one its id says.
  if (entry === undefined || (what === 'parent' && entry.parent === 'none')) return world;
  return changeNamespaces(world, {
    ...userNsParents,
    [id]: { ...entry, [what]: what === 'parent' ? 'unknown' : null },
  });
}

/** The tracer and the target of the question are never forgotten. */
function forgetProcess(world: World, row: number): World {
  const others = world.host.processes.filter(({ pid }) => pid !== world.tracer && pid !== world.target);
  if (others.length === 0) return world;
  const gone = at(others, row);
  return { ...world, host: { ...world.host, processes: world.host.processes.filter(one => one !== gone) } };
}

export function forget(world: World, forgotten: Forgotten): World {
  switch (forgotten.of) {
    case 'host': {
      const unseen: Record<HostFact, Partial<Host>> = {
        yama: { yama: { state: 'unknown', cause: 'forgotten' } },
        lsms: { lsms: null },
        // A forgotten fact stays forgotten.
        'lsms but for those that do not run':
          world.host.lsms === null ? {} : { lsms: null, lsmsRuledOut: notRunning(world.host.lsms) },
        kernelRelease: { kernelRelease: '?' },
        perfEvents: { perfEvents: { state: 'unknown', cause: 'forgotten' } },
        'who perf events admit':
          world.host.perfEvents?.state === 'present'
            ? { perfEvents: { ...world.host.perfEvents, admits: 'unknown' } }
            : {},
      };
      return { ...world, host: { ...world.host, ...unseen[forgotten.what] } };
    }
    case 'namespace':
      return Object.keys(world.host.userNsParents).length === 0 ? world : forgetOfNamespace(world, forgotten);
    case 'processes':
      return forgetProcess(world, forgotten.row);
    default: {
      const pid =
        forgotten.of === 'another' ? at(world.host.processes, forgotten.row).pid : world[forgotten.of];
      return changeRow(world, pid, { ...GROUPS, ...ALONE }[forgotten.what]!);
    }
  }
}

/** There are many ids, and each is as telling as the others. */
const someOf = (what: readonly string[]) =>
  fc.oneof(
    atTimes(1, fc.constantFrom(...what.filter(name => name.includes('.')))),
    atTimes(4, fc.constantFrom(...what.filter(name => !name.includes('.')))),
  );

const someForgottenOf = (what: readonly string[]): fc.Arbitrary<Forgotten> =>
  fc.oneof(
    atTimes(
      6,
      fc.record({
        of: fc.constantFrom('tracer', 'target', 'tracer', 'target', 'another'),
        row: somewhere,
        what: someOf(what),
      }),
    ),
    atTimes(1, fc.record({ of: fc.constant('host'), what: fc.constantFrom(...HOST_FACTS) })),
    atTimes(
      2,
      fc.record({
        of: fc.constant('namespace'),
        row: somewhere,
        what: fc.constantFrom('owner', 'root', 'parent', 'row'),
      }),
    ),
    atTimes(2, fc.record({ of: fc.constant('processes'), row: somewhere })),
  );

export const someForgotten = fc.array(someForgottenOf([...Object.keys(GROUPS), ...Object.keys(ALONE)]), {
  minLength: 1,
  maxLength: 6,
});

// Completing: the worlds that one forgotten fact leaves open.

const ANYONE = 4242;
const ANY_UID = [...UIDS, 100000, ANYONE];

/** Below each namespace some that aren't seen, of different owners and roots. */
const withUnseen = (userNsParents: Record<string, UserNs>) => ({
  ...userNsParents,
  ...Object.fromEntries(
    Object.keys(userNsParents).flatMap(parent =>
      UIDS.flatMap(owner => UIDS.map(root => [`${parent}/${owner}/${root}`, { parent, owner, root }])),
    ),
  ),
});

type Row = Partial<ProcessFacts>;

function possibleRows(world: World, facts: ProcessFacts, what: string): Row[] {
  const { host } = world;
  const pids = host.processes.map(({ pid }) => pid);
  const chain = chainOf(host, facts.userNs!);
  const [kind, id] = what.split('.') as ['uids' | 'gids', keyof SeenIds | undefined];
  if (id !== undefined) return ANY_UID.map(value => ({ [kind]: { ...facts[kind], [id]: value } }));
  switch (what) {
    case 'memoryUserNs':
      return facts.kind === 'user' ? chain.map(memoryUserNs => ({ memoryUserNs })) : [{}];
    case 'dumpable':
      if (facts.kind !== 'user') return [{}];
      return [true, false].flatMap(dumpable => chain.map(memoryUserNs => ({ dumpable, memoryUserNs })));
    case 'memory':
      return [
        ...possibleRows(world, { ...facts, kind: 'user' }, 'dumpable').map(
          (row): Row => ({ ...row, kind: 'user' }),
        ),
        ...(['zombie', 'kernel-thread'] as const).map(of => ({
          kind: of,
          dumpable: null,
          memoryUserNs: null,
        })),
      ];
    case 'userNs':
    case 'userNs but for another':
    case 'userNs but for another and those below': {
      const wide = { ...host, userNsParents: withUnseen(host.userNsParents) };
      const seen = GROUPS[what]!(facts, host).userNsRuledOut ?? null;
      const isLeft = (userNs: string) =>
        seen === null || !(seen.below ? chainOf(wide, userNs).includes(seen.id) : userNs === seen.id);
      // Where nothing was to be ruled out, nothing is forgotten.
      if (what !== 'userNs' && seen === null) return [{}];
      return Object.keys(wide.userNsParents)
        .filter(isLeft)
        .flatMap((userNs): Row[] =>
          facts.memoryUserNs === null
            ? [{ userNs }]
            : chainOf(wide, userNs)
                .filter(id => seen?.memory !== true || id !== seen.id)
                .map(memoryUserNs => ({ userNs, memoryUserNs })),
        );
    }
    case 'capabilities': {
      const masks = [0n, ...TELLING.map(name => capabilityMask([name])), capabilityMask(CAPABILITIES)];
      return masks.flatMap(permitted =>
        masks.map(effective => ({ capPermitted: hex(permitted), capEffective: hex(permitted & effective) })),
      );
    }
    case 'seccomp':
      return (['none', 'strict', 'filter'] as const).map(seccomp => ({ seccomp }));
    case 'noNewPrivs':
      return [{ noNewPrivs: true }, { noNewPrivs: false }];
    case 'tracer':
      return [
        { tracerPid: 0, tracerTgid: 0 },
        ...host.processes.map(({ pid, tgid }) => ({ tracerPid: pid, tracerTgid: tgid })),
      ];
    case 'lsmLabel':
      return labelsOf(host.lsms!).map(lsmLabel => ({ lsmLabel }));
    case 'declaredTracer':
      return (['any', 'none', ...pids] as const).map(declaredTracer => ({ declaredTracer }));
    case 'ppid':
      return [0, ...pids.filter(pid => pid <= 100)].map(ppid => ({ ppid }));
    default:
      throw new Error(what);
  }
}

/** Of these all that is possible is tried. The rest shows with something else, or with everything at once. */
export const COMPLETED = Object.keys(GROUPS).filter(
  what => !['everything', 'tgid', 'tracerTgid', 'uids'].includes(what),
);

function isPossible({ host }: World): boolean {
  const byPid = new Map(host.processes.map(facts => [facts.pid, facts]));
  const reachesTop = (pid: number, steps = 0): boolean =>
    pid === 0 || (steps < 20 && reachesTop(byPid.get(pid)!.ppid!, steps + 1));
  return host.processes.every(
    ({ pid, tgid, ppid, userNs, memoryUserNs }) =>
      reachesTop(pid) &&
      byPid.get(tgid!)!.ppid === ppid &&
      (memoryUserNs === null || chainOf(host, userNs!).includes(memoryUserNs)),
  );
}

function possible(world: World, forgotten: Forgotten): World[] {
  const { host } = world;
  const hosts = (changes: Partial<Host>[]) =>
    changes.map(change => ({ ...world, host: { ...host, ...change } }));
  switch (forgotten.of) {
    case 'host':
      if (forgotten.what === 'yama') return hosts(SCOPES.map(yama => ({ yama })));
      if (forgotten.what === 'kernelRelease')
        return hosts(RELEASES.map(kernelRelease => ({ kernelRelease })));
      if (forgotten.what === 'perfEvents') return hosts(PERF_EVENTS.map(perfEvents => ({ perfEvents })));
      if (forgotten.what === 'who perf events admit') {
        const isThere = host.perfEvents?.state === 'present';
        const all = PERF_EVENTS.filter(({ state }) => state === 'present');
        return isThere ? hosts(all.map(perfEvents => ({ perfEvents }))) : [world];
      }
      // Whose a label is it doesn't tell, nor, where there is none, that no module gives any (the first that could say it says so).
      return hosts(
        LSMS.filter(
          lsms => forgotten.what === 'lsms' || isDeepStrictEqual(notRunning(lsms), notRunning(host.lsms!)),
        ).map(lsms => ({ lsms: [...lsms] })),
      );
    case 'namespace': {
      const id = at(Object.keys(host.userNsParents), forgotten.row);
      const { what } = forgotten;
      if (what !== 'owner' && what !== 'root') throw new Error(what);
      return hosts(
        ANY_UID.map(uid => ({
          userNsParents: { ...host.userNsParents, [id]: { ...host.userNsParents[id]!, [what]: uid } },
        })),
      );
    }
    case 'processes':
      throw new Error('processes');
    default: {
      const pid = forgotten.of === 'another' ? at(host.processes, forgotten.row).pid : world[forgotten.of];
      const wide = changeNamespaces(world, withUnseen(host.userNsParents));
      const rows = possibleRows(world, rowOf(world, pid), forgotten.what);
      return rows.map(row => changeRow(forgotten.what.startsWith('userNs') ? wide : world, pid, () => row));
    }
  }
}

/** Every world that looks the same without this fact. */
export const completions = (world: World, forgotten: Forgotten) =>
  possible(world, forgotten).filter(isPossible);

export const oneForgotten = fc.oneof(
  atTimes(
    6,
    fc.record({
      of: fc.constantFrom('tracer', 'target', 'tracer', 'target', 'another'),
      row: somewhere,
      what: someOf(COMPLETED),
    }),
  ),
  atTimes(1, fc.record({ of: fc.constant('host'), what: fc.constantFrom(...HOST_FACTS) })),
  atTimes(
    1,
    fc.record({ of: fc.constant('namespace'), row: somewhere, what: fc.constantFrom('owner', 'root') }),
  ),
) as fc.Arbitrary<Forgotten>;

/** Gives the tracer one more capability, permitted and effective; a set that isn't seen stays so. */
export function grant(world: World, capability: Capability): World {
  const added = (mask: string | null) =>
    mask === null ? null : hex(BigInt(`0x${mask}`) | capabilityMask([capability]));
  return changeRow(world, world.tracer, ({ capPermitted, capEffective }) => ({
    capPermitted: added(capPermitted),
    capEffective: added(capEffective),
  }));
}
