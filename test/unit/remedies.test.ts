import { describe, expect, it } from 'vitest';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { INITIAL_USER_NS } from '../../lib/kernel/user-namespace.js';
import { type PtraceScopeValue, parsePtraceScope } from '../../lib/kernel/yama.js';
import { checkAccess } from '../../lib/policy/access-check.js';
import type { AccessMode } from '../../lib/policy/access-mode.js';
import type { Surroundings } from '../../lib/policy/changes.js';
import { hypotheticalProcess } from '../../lib/policy/hypothetical.js';
import type { Host } from '../../lib/policy/question.js';
import { type Remedy, remediesFor } from '../../lib/policy/remedies.js';
import type { RuleId } from '../../lib/policy/verdict.js';

const process = (pid: number, changes: Partial<ProcessFacts> = {}): ProcessFacts => ({
  ...hypotheticalProcess({ uid: 1000, gid: 1000, userNs: INITIAL_USER_NS }),
  pid,
  tgid: pid,
  ...changes,
});
const same = (id: number) => ({ real: id, effective: id, saved: id, fs: id });
const NET_RAW = '0000000000002000';

interface Case {
  tracer?: Partial<ProcessFacts>;
  target?: Partial<ProcessFacts>;
  scope?: PtraceScopeValue | 'absent';
  mode?: AccessMode;
  surroundings?: Surroundings;
}

function remedies({
  tracer,
  target,
  scope = 'absent',
  mode = 'attach',
  surroundings = null,
}: Case): Remedy[] {
  const [asker, asked] = [process(60, tracer), process(50, target)];
  const host: Host = {
    kernelRelease: '6.1.0',
    yama: scope === 'absent' ? { state: 'absent' } : parsePtraceScope(`${scope}`),
    lsms: [],
    lsmsRuledOut: [],
    suidDumpable: 0,
    userNsParents: { [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 } },
    corePattern: 'core',
    observedAs: { uid: 0, capEffective: '0', userNs: INITIAL_USER_NS },
    processes: [process(1, { ppid: 0, uids: same(0) }), asker, asked],
  };
  const { decidedBy } = checkAccess(asker, asked, host, mode);
  return remediesFor({ tracer: asker, target: asked, host, mode }, [decidedBy as RuleId], surroundings);
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

  it('not dumpable: the target itself, or root; not the scope, which has no part in it', () => {
    const found = told(remedies({ target: { dumpable: false, memoryUserNs: INITIAL_USER_NS } }));
    expect(found).toContain("setDumpable('user'), in C prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)");
    expect(found.join()).not.toContain('sysctl');
  });

  it('not dumpable at scope 1: the target has to do both', () => {
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

  it('mixed ids: nobody has them but root', () => {
    expect(told(remedies({ target: { uids: { ...same(1000), saved: 0 } } }))).toEqual(['sudo gdb -p 50']);
  });

  it('a capability too many: the same for the tracer, by name', () => {
    expect(told(remedies({ target: { capPermitted: NET_RAW } }))[0]).toBe(
      'sudo setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +net_raw --ambient-caps +net_raw gdb -p 50',
    );
  });

  it('traced already: that one tracer lets go', () => {
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
  ] as const)('in %s whoever starts the container can give the capability', (surroundings, command) => {
    const found = told(remedies({ target: { uids: same(33), gids: same(33) }, surroundings }));
    expect(found).toContain(command);
    expect(found).toContain('sudo gdb -p 50 (with the pid that it has there)');
  });

  it('of a tracer that is known by name its own way to attach', () => {
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
    expect(whose.some(who => who.includes('from outside of this no_new_privs'))).toBe(true);
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

it.each(CASES)('%j: a lower scope is never the first that is advised where anything else helps', each => {
  const found = remedies(each);
  const usesScope = found.map(({ actions }) => actions.some(({ what }) => what.includes('ptrace_scope')));
  if (usesScope.includes(false)) expect(usesScope[0]).toBe(false);
  expect(found.length).toBeGreaterThan(0);
});
