// The verdicts at each ptrace_scope that follow from the kernel's decision and the facts at that time.
import { expect, it } from 'vitest';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { type PtraceScope, scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { unseenProcess } from '../../lib/kernel/read-process-facts.js';
import { INITIAL_USER_NS } from '../../lib/kernel/user-namespace.js';
import { hypotheticalProcess } from '../../lib/policy/access/hypothetical.js';
import type { Host } from '../../lib/policy/access/question.js';
import { NO_SURROUNDINGS } from '../../lib/policy/remedies/surroundings.js';
import { type DecidedAccess, scopeVerdicts } from '../../lib/watch/scope-verdicts.js';

const ATTACH = 0x12;
const READ = 0x09;

const ids = { uid: 1000, gid: 1000, userNs: INITIAL_USER_NS };
const processWith = (pid: number, facts: Partial<ProcessFacts> = {}): ProcessFacts => ({
  ...hypotheticalProcess(ids),
  pid,
  tgid: pid,
  ...facts,
});

const host = (yama: PtraceScope): Host => ({
  kernelRelease: '6.12.0',
  yama,
  lsms: ['capability', 'yama'],
  lsmsRuledOut: [],
  suidDumpable: 0,
  userNsParents: { [INITIAL_USER_NS]: { parent: 'none', owner: 0, root: 0 } },
  corePattern: 'core',
  observedAs: { uid: 0, capEffective: null, userNs: INITIAL_USER_NS },
  processes: [processWith(1, { ppid: 0 })],
});

const access = (changes: Partial<DecidedAccess> = {}): DecidedAccess => ({
  way: 'attach',
  mode: ATTACH,
  decision: 'allowed',
  host: host(scopeOf(0)),
  tracer: processWith(801),
  target: processWith(802),
  program: '/usr/bin/gdb',
  attached: [false, false, false, false],
  surroundings: NO_SURROUNDINGS,
  isConfined: undefined,
  ...changes,
});

const told = (changes?: Partial<DecidedAccess>) =>
  scopeVerdicts(access(changes)).map(({ verdict, rule }) => `${verdict} ${rule}`);
const verdicts = (changes?: Partial<DecidedAccess>) =>
  scopeVerdicts(access(changes)).map(({ verdict }) => verdict);

it('a stranger that attached at 0 is refused at 1, 2 and 3, by Yama, and each refusal but that at 3 has a remedy', () => {
  expect(told()).toEqual([
    'allowed null',
    'refused yama-relation',
    'refused yama-scope',
    'refused yama-scope',
  ]);
  const [, at1, at2, at3] = scopeVerdicts(access());
  const actions = (verdict: typeof at1) => verdict.remedies.map(({ actions: [first] }) => first?.what);
  expect(actions(at1)).toContainEqual(expect.stringContaining('declares the debugger'));
  expect(at2.remedies.length).toBeGreaterThan(0);
  expect(at3.remedies).toEqual([]);
  // The tracer that was seen has ended when somebody reads this.
  expect(JSON.stringify([at1, at2].map(({ remedies }) => remedies))).not.toMatch(/80[12]/);
});

it('the commands of a remedy name the recorded tracer, and say it if it is unknown', () => {
  const commands = (program: string | null) =>
    scopeVerdicts(access({ program })).flatMap(({ remedies }) =>
      remedies.flatMap(({ actions }) => actions.flatMap(({ command }) => command ?? [])),
    );
  expect(commands('/usr/bin/gdb')).toContain('sudo /usr/bin/gdb -p TARGET_PID');
  expect(commands('/opt/tool x/agent')).toContain("sudo '/opt/tool x/agent' …");
  expect(commands(null)).toContain('sudo DEBUGGER …');
  for (const program of ['/opt/agent', null]) expect(commands(program).join()).not.toContain('gdb');
});

it('an ancestor is allowed at 1, and refused at 2 without CAP_SYS_PTRACE', () => {
  const target = processWith(802, { ppid: 801 });
  expect(verdicts({ target })).toEqual(['allowed', 'allowed', 'refused', 'refused']);
});

it('a holder of CAP_SYS_PTRACE is refused at 3 alone', () => {
  const capabilities = ['CAP_SYS_PTRACE'] as const;
  const tracer = { ...hypotheticalProcess({ ...ids, capabilities }), pid: 801, tgid: 801 };
  expect(verdicts({ tracer })).toEqual(['allowed', 'allowed', 'allowed', 'refused']);
});

it('a declaration counts at 1, and one that is not seen leaves 1 unknown', () => {
  expect(verdicts({ target: processWith(802, { declaredTracer: 'any' }) })[1]).toBe('allowed');
  const [, at1, at2] = scopeVerdicts(access({ target: processWith(802, { declaredTracer: 'unknown' }) }));
  expect(at1).toMatchObject({ verdict: 'unknown', rule: 'yama-relation' });
  expect(at1.unknown.join()).toContain('PR_SET_PTRACER');
  expect(at2.verdict).toBe('refused');
});

it('TRACEME is allowed at 1, and at 2 asks for the capability of the parent', () => {
  const target = processWith(802, { ppid: 801 });
  expect(verdicts({ way: 'traceme', mode: 0, target })).toEqual(['allowed', 'allowed', 'refused', 'refused']);
});

it('who is attached already may read at 1, if the attachment itself is possible there', () => {
  const read = { way: 'mem', mode: 0x0a } as const;
  expect(verdicts({ ...read, attached: [true, true, false, false] })).toEqual([
    'allowed',
    'allowed',
    'refused',
    'refused',
  ]);
  expect(verdicts({ ...read, attached: [true, false, false, false] })[1]).toBe('refused');
  expect(verdicts({ ...read, attached: [true, null, false, false] })[1]).toBe('unknown');
});

it('READ access is the same at every scope', () => {
  expect(verdicts({ way: 'read', mode: READ })).toEqual(Array(4).fill('allowed'));
  const target = processWith(802, { uids: { real: 0, effective: 0, saved: 0, fs: 0 } });
  expect(told({ way: 'kcmp', mode: 0x11, decision: 'refused', target })).toEqual(
    Array(4).fill('refused credentials'),
  );
});

it('a refusal at 0 is one at each scope, with the rule', () => {
  const target = processWith(802, { dumpable: false });
  expect(told({ decision: 'refused', target })).toEqual([
    'refused dumpable',
    'refused dumpable',
    'refused dumpable',
    'refused dumpable',
  ]);
});

it('a refusal by a rule that is not seen is one at each stricter scope', () => {
  expect(told({ decision: 'refused' })).toEqual([
    'refused null',
    'refused yama-relation',
    'refused yama-scope',
    'refused yama-scope',
  ]);
});

it('a refusal by Yama at 1 is allowed at 0 by the other rules', () => {
  expect(told({ decision: 'refused', host: host(scopeOf(1)) })).toEqual([
    'allowed other-lsm',
    'refused yama-relation',
    'refused yama-scope',
    'refused yama-scope',
  ]);
});

it('a refusal at 1 although the rules allow it there says nothing about 0', () => {
  const target = processWith(802, { ppid: 801 });
  expect(told({ decision: 'refused', host: host(scopeOf(1)), target })).toEqual([
    'unknown null',
    'refused null',
    'refused yama-scope',
    'refused yama-scope',
  ]);
});

it('an allowance at 1 is one at 0; facts that contradict it say nothing about 2', () => {
  const at1 = { host: host(scopeOf(1)) };
  const related = processWith(802, { ppid: 801 });
  expect(verdicts({ ...at1, target: related })).toEqual(['allowed', 'allowed', 'refused', 'refused']);
  expect(verdicts(at1)).toEqual(['allowed', 'allowed', 'unknown', 'refused']);
});

it('of processes that have ended, what the decision says is still known', () => {
  const ended = (pid: number): ProcessFacts => ({ ...unseenProcess(pid), tgid: pid, threadRights: [] });
  expect(verdicts({ tracer: ended(801), target: ended(802) })).toEqual([
    'allowed',
    'unknown',
    'unknown',
    'refused',
  ]);
  expect(verdicts({ tracer: ended(801), target: ended(802), decision: 'refused' })).toEqual(
    Array(4).fill('refused'),
  );
});

it('without Yama an allowance is one at 0; where the scope is not seen, too', () => {
  const expected = ['allowed', 'refused', 'refused', 'refused'];
  expect(verdicts({ host: host({ state: 'absent' }) })).toEqual(expected);
  expect(verdicts({ host: host({ state: 'unknown', cause: '' }) })).toEqual(expected);
});

it('where the scope is not seen, a refusal is one at 3, and may be one at 0 by a rule that is not seen', () => {
  const unseen = host({ state: 'unknown', cause: '' });
  expect(verdicts({ decision: 'refused', host: unseen })).toEqual([
    'unknown',
    'refused',
    'refused',
    'refused',
  ]);
});

const withLandlock = (yama: PtraceScope): Host => ({
  ...host(yama),
  lsms: ['capability', 'landlock', 'yama'],
});
const RUNNING: PtraceScope[] = [
  { state: 'absent' },
  { state: 'unknown', cause: 'hidden' },
  ...([0, 1, 2, 3] as const).map(scopeOf),
];

it('a refusal in a domain that this process has made is one by Landlock at every scope, whatever scope runs', () => {
  for (const yama of RUNNING) {
    const refused = { decision: 'refused', host: withLandlock(yama), isConfined: true } as const;
    expect(told(refused)).toEqual(Array(4).fill('refused landlock'));
    expect(told({ ...refused, way: 'read', mode: READ })).toEqual(Array(4).fill('refused landlock'));
    const [at0] = scopeVerdicts(access(refused));
    expect(at0.remedies[0]?.actions[0]?.what).toContain('outside of its Landlock sandbox');
  }
});

it('a refusal of a tracer that may be in a domain is at no scope said to be allowed', () => {
  const tracer = processWith(801, { noNewPrivs: true });
  const targets = [{}, { ppid: 801 }, { declaredTracer: 'any' }, { declaredTracer: 'unknown' }] as const;
  for (const yama of RUNNING) {
    for (const facts of targets) {
      for (const isConfined of [undefined, null]) {
        const target = processWith(802, facts);
        const found = verdicts({ decision: 'refused', host: withLandlock(yama), tracer, target, isConfined });
        expect(found, `${JSON.stringify(yama)} ${JSON.stringify(facts)}`).not.toContain('allowed');
      }
    }
  }
});
