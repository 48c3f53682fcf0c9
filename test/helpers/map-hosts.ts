import type { Snapshot } from '../../lib/kernel/host.js';
import type { PtraceScope } from '../../lib/kernel/ptrace-scope.js';
import { scopeOf } from '../../lib/kernel/ptrace-scope.js';
import { syntheticHost } from '../../scripts/bench/synthetic-host.mjs';

/** Names that a program, or a snapshot of another origin, may contain. */
export const HOSTILE_NAMES = [
  '<img src=x onerror=alert(1)>',
  '</script><script>alert(1)</script>',
  '<!--<script>',
  '-->',
  ']]>',
  '\u202eevil\u2066',
  'a\u0000b\u001b[31mc\r\nd',
  'a'.repeat(10_000),
  '<b>'.repeat(4_000),
  '&amp;&#60;',
  '"quoted\' \\" \\N \\l',
  '{{data}} $& $1',
  '`backtick` #quot; #35;',
  'lone\ud800surrogate',
  'non\ufffe\uffffcharacter',
  '\u0634\u0628\u0643\u0629',
  'e\u0301\u0301\u0301\u0301\u0301\u0301',
  '__proto__',
  '',
];

export interface HostOptions {
  count?: number;
  seed?: number;
  yama?: PtraceScope;
}

/** A made-up host at ptrace_scope 0, with declared tracers, a traced process and armed Nodes. */
export function namedHost({ count = 260, seed = 5, yama = scopeOf(0) }: HostOptions = {}): Snapshot {
  const { host, processes } = syntheticHost(seed, count);
  const nodes: Snapshot['nodes'] = new Map(
    processes
      .filter(({ comm }) => comm === 'node')
      .slice(0, 4)
      .map(({ pid }, at) => [pid, nodeExposure(at === 0)]),
  );
  const shells = processes.filter(({ comm }) => comm === 'bash');
  const made = processes.map(facts => {
    const at = shells.indexOf(facts);
    if (at === 0) return { ...facts, declaredTracer: 'any' as const };
    if (at === 1) return { ...facts, declaredTracer: facts.ppid ?? ('none' as const) };
    if (at === 2) return { ...facts, declaredTracer: 'none' as const, tracerPid: 3, tracerTgid: facts.ppid };
    return facts;
  });
  return {
    host: { ...host, yama },
    processes: made,
    name: 'build-01',
    takenAt: '2026-01-02T03:04:05Z',
    nodes,
  };
}

const nodeExposure = (isOpen: boolean) => ({
  sigusr1: isOpen ? ('default' as const) : ('handled' as const),
  flags: isOpen ? ['--inspect=0'] : [],
});

export function hostileHost(): Snapshot {
  const host = namedHost({ count: 120 });
  const processes = host.processes.map((facts, at) => ({
    ...facts,
    comm: HOSTILE_NAMES[at % HOSTILE_NAMES.length] ?? '',
    lsmLabel: facts.lsmLabel === null ? null : (HOSTILE_NAMES[at % 5] ?? ''),
  }));
  return {
    ...host,
    processes,
    name: '</title><script>alert(1)</script>{{data}}',
    takenAt: '<b>now</b>',
    host: { ...host.host, kernelRelease: '6.12</p><script>alert(1)</script>' },
  };
}

/** With only these of its processes. */
export const onlyWith = (host: Snapshot, count: number): Snapshot => ({
  ...host,
  processes: host.processes.slice(0, count),
  nodes: new Map(),
});
