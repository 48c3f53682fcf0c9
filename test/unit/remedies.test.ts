// Remedies for a refusal, and their order.
import { describe, expect, it } from 'vitest';
import type { PerfEvents } from '../../lib/kernel/perf-events.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { type PtraceScopeValue, parsePtraceScope } from '../../lib/kernel/ptrace-scope.js';
import { INITIAL_USER_NS } from '../../lib/kernel/user-namespace.js';
import { checkAccess } from '../../lib/policy/access/access-check.js';
import type { AccessMode } from '../../lib/policy/access/access-mode.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import type { Host } from '../../lib/policy/access/question.js';
import type { RuleId } from '../../lib/policy/access/verdict.js';
import { type Remedy, remediesFor, remedies as remediesOf } from '../../lib/policy/remedies/remedies.js';
import { ENGINES, type SurroundingsName } from '../../lib/policy/remedies/surroundings.js';

const process = (pid: number, changes: Partial<ProcessFacts> = {}): ProcessFacts => ({
  ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs: INITIAL_USER_NS }),
  pid,
  tgid: pid,
  ...changes,
});
const same = (id: number) => ({ real: id, effective: id, saved: id, fs: id });
/** Docker's default. */
const WITHOUT_PTRACE = '00000000a80425fb';
/** Root's, which has all capabilities. */
const OF_ROOT = { target: { uids: same(0), gids: same(0) } };
const NET_RAW = '0000000000002000';

interface Case {
  tracer?: Partial<ProcessFacts>;
  target?: Partial<ProcessFacts>;
  scope?: PtraceScopeValue | 'absent';
  mode?: AccessMode;
  surroundings?: SurroundingsName | null;
  instance?: string;
  hasReadOnlySysctl?: boolean;
  perfEvents?: PerfEvents;
  kernelRelease?: string;
}

/** A host with a tracer and a target. */
function worldOf({
  tracer,
  target,
  scope = 'absent',
  perfEvents = { state: 'present', paranoid: 2, admits: 'everyone' },
  kernelRelease = '6.1.0',
}: Case): { asker: ProcessFacts; asked: ProcessFacts; host: Host } {
  const [asker, asked] = [process(60, tracer), process(50, target)];
  const host: Host = {
    kernelRelease,
    yama: scope === 'absent' ? { state: 'absent' } : parsePtraceScope(`${scope}`),
    lsms: [],
    lsmsRuledOut: [],
    perfEvents,
    suidDumpable: 0,
    userNsParents: { [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 } },
    corePattern: 'core',
    observedAs: { uid: 0, capEffective: '0', userNs: INITIAL_USER_NS },
    processes: [process(1, { ppid: 0, uids: same(0) }), asker, asked],
  };
  return { asker, asked, host };
}

function remedies(each: Case): Remedy[] {
  const { mode = 'attach', surroundings = null, instance, hasReadOnlySysctl = false } = each;
  const { asker, asked, host } = worldOf(each);
  const { decidedBy } = checkAccess(asker, asked, host, mode);
  return remediesFor({ tracer: asker, target: asked, host, mode }, [decidedBy as RuleId], {
    name: surroundings,
    instance: instance ?? null,
    hasReadOnlySysctl,
  });
}

const told = (found: Remedy[]) =>
  found.map(({ actions }) => actions.map(({ command, call, what }) => command ?? call ?? what).join(' + '));

describe('what would change a refusal, from what opens least to what opens most', () => {
  it('ptrace_scope 1, a sibling: start it, declare it, root, and the scope last', () => {
    expect(told(remedies({ target: { declaredTracer: 'unknown' }, scope: 1 }))).toEqual([
      'gdb --args PROGRAM',
      'setPtracer(60), in C prctl(PR_SET_PTRACER, 60, 0, 0, 0)',
      'sudo gdb -p 50',
      'sudo sysctl kernel.yama.ptrace_scope=0',
    ]);
  });

  it('ptrace_scope 2: the capability; a lower scope alone only at 0, at 1 with a declaration or a start', () => {
    const found = told(remedies({ scope: 2 }));
    expect(found.slice(0, 2)).toEqual(['unshare --map-root-user gdb --args PROGRAM', 'sudo gdb -p 50']);
    expect(found).toContain('sudo sysctl kernel.yama.ptrace_scope=0');
    expect(found).toContain('gdb --args PROGRAM + sudo sysctl kernel.yama.ptrace_scope=1');
  });

  it('ptrace_scope 3: nothing without a boot, root neither', () => {
    const found = remedies({ scope: 3 });
    expect(found.length).toBeGreaterThan(0);
    for (const { actions } of found)
      expect(actions.some(({ what }) => what.includes('and reboots'))).toBe(true);
  });

  it('not dumpable: the target itself, or root, and not the scope', () => {
    const found = told(remedies({ target: { dumpable: false, memoryUserNs: INITIAL_USER_NS } }));
    expect(found).toContain("setDumpable('user'), in C prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)");
    expect(found.join()).not.toContain('sysctl');
  });

  it('not dumpable at scope 1: the target must become dumpable and declare the tracer', () => {
    const found = told(remedies({ target: { dumpable: false, declaredTracer: 'unknown' }, scope: 1 }));
    expect(found).toContain(
      "setPtracer(60), in C prctl(PR_SET_PTRACER, 60, 0, 0, 0) + setDumpable('user'), in C prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)",
    );
  });

  it("another user's: the tracer as that user", () => {
    const ids = { uids: same(33), gids: same(34) };
    expect(told(remedies({ target: ids }))[0]).toBe(
      'sudo setpriv --reuid 33 --regid 34 --clear-groups gdb -p 50',
    );
  });

  it('mixed ids: only root can take them', () => {
    expect(told(remedies({ target: { uids: { ...same(1000), saved: 0 } } }))).toEqual(['sudo gdb -p 50']);
  });

  it('a capability too many: the same for the tracer, by name', () => {
    expect(told(remedies({ target: { capPermitted: NET_RAW } }))[0]).toBe(
      'sudo setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +net_raw --ambient-caps +net_raw gdb -p 50',
    );
  });

  it('traced already: the present tracer detaches', () => {
    const found = remedies({ target: { tracerPid: 77, tracerTgid: 77 } });
    expect(found.map(({ actions }) => actions[0]?.who)).toEqual(['process 77']);
  });

  it.each([
    ['zombie', 'its parent, process 1'],
    ['kernel-thread', 'root'],
  ] as const)('%s: what to do instead', (kind, who) => {
    expect(remedies({ target: { kind } })).toMatchObject([{ kind: 'instead', actions: [{ who }] }]);
  });

  it('oneself: from another process', () => {
    expect(remedies({ target: { pid: 61, tgid: 60 } })).toMatchObject([{ kind: 'instead' }]);
  });

  it.each([
    ['docker', 'docker run --cap-add=SYS_PTRACE'],
    ['podman', 'podman run --cap-add=SYS_PTRACE'],
    ['kubernetes', 'securityContext: { capabilities: { add: ["SYS_PTRACE"] } }'],
    ['systemd-nspawn', 'systemd-nspawn --capability=CAP_SYS_PTRACE'],
    ['container', "add CAP_SYS_PTRACE to the container's capabilities"],
  ] as const)('in %s whose root lacks the capability, the user who starts it can add it', (name, command) => {
    const capBounding = WITHOUT_PTRACE;
    expect(told(remedies({ ...OF_ROOT, tracer: { capBounding }, surroundings: name }))).toEqual([
      command,
      'sudo gdb -p 50 (with the pid that it has there)',
    ]);
  });

  it.each([
    ['docker', 'docker exec -it --user 0 CONTAINER gdb -p 50'],
    ['podman', 'podman exec -it --user 0 CONTAINER gdb -p 50'],
    ['kubernetes', 'sudo gdb -p 50'],
    ['lxc', 'sudo lxc-attach -n CONTAINER -- gdb -p 50'],
    ['systemd-nspawn', 'sudo gdb -p 50'],
    ['toolbox', 'sudo gdb -p 50'],
    ['container', 'sudo gdb -p 50'],
  ] as const)(
    'in %s whose root has it, that root comes first, and no other start is offered',
    (name, first) => {
      const found = remedies({ ...OF_ROOT, surroundings: name });
      expect(told(found)[0]).toBe(first);
      expect(told(found).join()).not.toMatch(/cap-add|securityContext|--capability|add CAP/);
      expect(found.at(-1)?.actions[0]?.who).toBe('root of the host');
    },
  );

  it('under no_new_privs sudo gains nothing in a container either', () => {
    const tracer = { noNewPrivs: true };
    const inside = (name: SurroundingsName) =>
      told(remedies({ ...OF_ROOT, tracer, surroundings: name })).filter(text => !text.endsWith(')'));
    expect(inside('kubernetes')).toEqual([]);
    expect(inside('docker')).toEqual(['docker exec -it --user 0 CONTAINER gdb -p 50']);
  });

  it.each([
    ['apptainer', /^sudo apptainer capability add .*; apptainer exec --add-caps CAP_SYS_PTRACE IMAGE$/],
    ['flatpak', null],
    ['snap', null],
    ['bubblewrap', null],
  ] as const)('%s: the capability only where a source says how', (name, way) => {
    const tracer = { noNewPrivs: true, capBounding: '0' };
    const found = told(remedies({ ...OF_ROOT, tracer, surroundings: name }));
    expect(found).toHaveLength(way === null ? 1 : 2);
    if (way !== null) expect(found[0]).toMatch(way);
    expect(found.at(-1)).toMatch(
      /^sudo gdb -p 50 \((with the pid that it has there|in a shell out there)\)$/,
    );
  });

  it.each([
    ['docker', undefined, 'docker run --security-opt seccomp=PROFILE.json'],
    ['flatpak', 'org.example.App', 'flatpak run --allow=devel org.example.App'],
    ['flatpak', undefined, 'flatpak run --allow=devel APP'],
    ['snap', 'hello', 'snap install --devmode hello'],
    ['systemd-nspawn', undefined, 'systemd-nspawn --system-call-filter="ptrace process_vm_readv"'],
    ['systemd', 'app.service', "systemctl edit 'app.service' && systemctl restart 'app.service'"],
  ] as const)('%s: a seccomp filter has its own way out', (name, instance, command) => {
    const found = remedies({
      tracer: { seccomp: 'strict' },
      surroundings: name,
      ...(instance !== undefined && { instance }),
    });
    expect(told(found)[0]).toBe(command);
    // Out there the filter doesn't hold.
    expect(told(found).slice(1)).toEqual([expect.stringMatching(/^sudo gdb -p 50 \(/)]);
  });

  it('in surroundings without an own remedy, the filter is left by a start outside', () => {
    const found = remedies({ tracer: { seccomp: 'strict' }, surroundings: 'apptainer' });
    expect(told(found)).toEqual(['sudo gdb -p 50 (in a shell out there)']);
  });

  it('under no_new_privs in a sandbox only root outside takes ids or capabilities', () => {
    for (const target of [{ uids: same(33), gids: same(34) }, { capPermitted: NET_RAW }]) {
      const found = told(remedies({ target, tracer: { noNewPrivs: true }, surroundings: 'flatpak' }));
      expect(found).toEqual(['sudo gdb -p 50 (with the pid that it has there)']);
    }
  });

  describe('a systemd unit', () => {
    const unit = { ...OF_ROOT, surroundings: 'systemd', instance: 'app.service' } as const;
    const whats = (found: Remedy[]) => found.flatMap(({ actions }) => actions.map(({ what }) => what));

    it('that restricts nothing does not count as surroundings', () => {
      expect(told(remedies(unit))).toEqual(['sudo gdb -p 50']);
    });

    it.each([
      ['no_new_privs', { noNewPrivs: true }],
      ['a capability bounding set', { capBounding: WITHOUT_PTRACE }],
      ['a filter', { seccomp: 'filter' as const }],
    ])('with %s gets the capability by its options', (_what, tracer) => {
      const found = remedies({ ...unit, tracer });
      expect(whats(found)[0]).toContain('AmbientCapabilities=CAP_SYS_PTRACE');
      expect(whats(found)[0]).not.toContain('PrivateUsers');
      expect(told(found)).toEqual([
        "systemctl edit 'app.service' && systemctl restart 'app.service'",
        'sudo gdb -p 50 (in a shell out there)',
      ]);
    });

    it('with a user namespace of its own gets PrivateUsers=no as well', () => {
      const found = remedies({ ...unit, tracer: { userNs: '4026532000' } });
      expect(whats(found)[0]).toContain('PrivateUsers=no');
    });

    it('in which /proc/sys is read-only: the sysctl is set outside', () => {
      const found = told(remedies({ scope: 2, surroundings: 'systemd', hasReadOnlySysctl: true }));
      expect(found).toContain('sudo sysctl kernel.yama.ptrace_scope=0 (on the host)');
    });
  });

  it('with a read-only /proc/sys and no other sign: the sysctl is set outside', () => {
    const found = told(remedies({ scope: 2, hasReadOnlySysctl: true }));
    expect(found.filter(text => text.includes('sysctl'))).not.toContain(
      'sudo sysctl kernel.yama.ptrace_scope=0',
    );
  });

  it('in a user namespace, or without the capability in the bounding set, sudo is that of another shell', () => {
    for (const tracer of [{ userNs: '4026532000' }, { capBounding: WITHOUT_PTRACE }]) {
      const found = told(remedies({ ...OF_ROOT, tracer }));
      expect(found).toEqual(['sudo gdb -p 50 (in a shell out there)']);
    }
  });

  it('nothing is offered twice', () => {
    for (const surroundings of Object.keys(ENGINES) as SurroundingsName[]) {
      for (const tracer of [{}, { noNewPrivs: true }, { capBounding: '0' }]) {
        for (const scope of [0, 1, 2, 3] as const) {
          const found = told(remedies({ ...OF_ROOT, tracer, scope, surroundings }));
          expect(new Set(found).size).toBe(found.length);
        }
      }
    }
  });

  it('a known debugger is shown with its own way to attach', () => {
    expect(told(remedies({ tracer: { comm: 'strace' }, scope: 1 }))).toContain('sudo strace -p 50');
    expect(told(remedies({ tracer: { comm: 'py-spy' }, scope: 1 }))).toContain('sudo py-spy dump --pid 50');
  });

  it('TRACEME at 2: the parent with the capability', () => {
    expect(told(remedies({ scope: 2, mode: 'traceme' })).slice(0, 2)).toEqual([
      'unshare --map-root-user gdb --args PROGRAM',
      'sudo gdb --args PROGRAM',
    ]);
  });

  it("a user namespace of one's own: not at 3, nor for another's program, nor for reading", () => {
    const offers = (each: Case) => told(remedies(each)).some(text => text.includes('unshare'));
    expect(offers({ scope: 3 })).toBe(false);
    expect(offers({ scope: 2, target: { uids: same(33) } })).toBe(false);
    expect(
      offers({ scope: 2, mode: 'vm-read', target: { dumpable: false, memoryUserNs: INITIAL_USER_NS } }),
    ).toBe(false);
  });

  it.each<Case>([
    { scope: 1 },
    { scope: 2 },
    { target: { uids: same(33), gids: same(34) } },
    { target: { capPermitted: NET_RAW } },
  ])('under no_new_privs nothing is done by sudo: %j', each => {
    const found = remedies({ ...each, tracer: { noNewPrivs: true } });
    expect(told(found).join()).not.toContain('sudo');
    const whose = found.flatMap(({ actions }) => actions.map(({ who }) => who));
    expect(whose.some(who => who.includes('without no_new_privs'))).toBe(true);
    expect(told(remedies(each)).join()).toContain('sudo');
  });

  it('in a container the scope is the host’s', () => {
    const found = remedies({ scope: 2, surroundings: 'docker' }).flatMap(({ actions }) => actions);
    const lowering = found.filter(({ command }) => command?.includes('sysctl'));
    expect(lowering.length).toBeGreaterThan(0);
    for (const { who, command } of lowering)
      expect([who, command]).toEqual(['root of the host', expect.stringMatching(/ \(on the host\)$/)]);
  });
});

const DEBIANS: PerfEvents = { state: 'present', paranoid: 3, admits: 'CAP_SYS_ADMIN' };
const SETCAP = 'sudo setcap cap_perfmon+ep "$(command -v perf)"';

describe('perf', () => {
  it("closed to everyone by Debian's 3: root, or the value; not CAP_PERFMON, which is not enough there", () => {
    expect(told(remedies({ mode: 'perf', perfEvents: DEBIANS }))).toEqual([
      'sudo perf record -p 50',
      'sudo sysctl kernel.perf_event_paranoid=2',
    ]);
  });

  it('CAP_PERFMON for the program, where it opens that value', () => {
    const perfEvents: PerfEvents = { state: 'present', paranoid: 4, admits: 'CAP_PERFMON' };
    const found = told(remedies({ mode: 'perf', perfEvents }));
    expect(found).toContain(SETCAP);
    expect(found).toContain('sudo sysctl kernel.perf_event_paranoid=2');
  });

  it("another user's: as that user, as root, or by CAP_PERFMON; the value alone does not help", () => {
    const target = { uids: same(33), gids: same(34) };
    expect(told(remedies({ mode: 'perf', target }))).toEqual([
      'sudo setpriv --reuid 33 --regid 34 --clear-groups perf record -p 50',
      'sudo perf record -p 50',
      SETCAP,
    ]);
    const atThree = told(remedies({ mode: 'perf', target, perfEvents: DEBIANS }));
    expect(atThree).toContain('sudo perf record -p 50');
    expect(atThree).not.toContain('sudo sysctl kernel.perf_event_paranoid=2');
  });

  it('under no_new_privs a file gives no capability', () => {
    const found = remedies({ mode: 'perf', target: { uids: same(33) }, tracer: { noNewPrivs: true } });
    expect(told(found)).not.toContain(SETCAP);
  });

  it('before Linux 5.9 CAP_PERFMON may not be enough, and is not named', () => {
    const each: Case = { mode: 'perf', target: { uids: same(33), gids: same(33) }, kernelRelease: '5.8.0' };
    expect(told(remedies(each))).not.toContain(SETCAP);
  });

  it('in a container CAP_PERFMON is added, or the host lowers the value', () => {
    const perfEvents: PerfEvents = { state: 'present', paranoid: 4, admits: 'CAP_PERFMON' };
    const tracer = { capBounding: WITHOUT_PTRACE };
    const found = told(remedies({ mode: 'perf', perfEvents, tracer, surroundings: 'docker' }));
    expect(found).toContain('docker run --cap-add=PERFMON');
    expect(found).toContain('sudo sysctl kernel.perf_event_paranoid=2 (on the host)');
  });

  it('a kernel without perf events: another kernel', () => {
    expect(remedies({ mode: 'perf', perfEvents: { state: 'absent' } })).toMatchObject([
      { kind: 'instead', actions: [{ what: expect.stringContaining('CONFIG_PERF_EVENTS=y') }] },
    ]);
  });

  it('no other mode mentions CAP_PERFMON', () => {
    const found = told(remedies({ target: { uids: same(33) }, perfEvents: DEBIANS }));
    expect(found.join()).not.toMatch(/perf/);
  });
});

const CASES: Case[] = [1, 2, 3].flatMap(scope =>
  [
    {},
    { target: { dumpable: false } },
    { target: { uids: same(33), gids: same(33) } },
    { target: { uids: same(33), dumpable: false, capPermitted: NET_RAW } },
    { target: { tracerPid: 77, tracerTgid: 77, dumpable: false } },
    { target: { uids: same(33) }, surroundings: 'docker' as const },
    { mode: 'environ' as const, target: { dumpable: false, memoryUserNs: INITIAL_USER_NS } },
  ].map(each => ({ ...each, scope: scope as PtraceScopeValue })),
);

it.each(CASES)('%j: a lower scope never comes first if anything else helps', each => {
  const found = remedies(each);
  const usesScope = found.map(({ actions }) => actions.some(({ what }) => what.includes('ptrace_scope')));
  if (usesScope.includes(false)) expect(usesScope[0]).toBe(false);
  expect(found.length).toBeGreaterThan(0);
});

it('remedies() of tracegate/policy gives what is tried for the rule that denies, and nothing for what is allowed', () => {
  const { asker, asked, host } = worldOf({ scope: 1 });
  const found = remediesOf(asker, asked, host, 'attach');
  expect(found).toEqual(remedies({ scope: 1 }));
  expect(found.length).toBeGreaterThan(0);
  const open = worldOf({ scope: 0 });
  expect(remediesOf(open.asker, open.asked, open.host, 'attach')).toEqual([]);
});
