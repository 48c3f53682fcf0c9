import type { Snapshot } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { type PtraceScopeValue, parsePtraceScope } from '../kernel/yama.js';
import { decide } from '../policy/access-check.js';
import { tableOf } from '../policy/ancestry.js';
import type { FileTree } from './file-tree.js';

/** A tracer at work, and whether it could begin anew. */
export interface RunningTracer {
  pid: number;
  comm: string | null;
  target: { pid: number; comm: string | null };
  /** `traceme`: the target is its child, and may have asked for it. */
  by: 'attach' | 'traceme';
  /** `unknown`: unless the target has declared it, which only that knows. */
  anew: 'denied' | 'unknown';
}

export interface InstalledTool {
  name: string;
  path: string;
  /** What of it no longer works for an ordinary user. */
  loses: string;
}

/** What a change of scope takes from whom. What it doesn't take is not named. */
export interface Impact {
  tracers: RunningTracer[];
  tools: InstalledTool[];
}

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Tools that trace, and whether they also start what they trace (PTRACE_TRACEME). */
const TOOLS: readonly [name: string, starts: boolean][] = [
  ['gdb', true],
  ['lldb', true],
  ['strace', true],
  ['ltrace', true],
  ['rr', true],
  ['dlv', true],
  ['valgrind', false],
  ['vgdb', false],
  ['gcore', false],
  ['eu-stack', false],
  ['pstack', false],
  ['py-spy', true],
  ['rbspy', true],
  ['criu', false],
  ['reptyr', false],
  ['dotnet-dump', false],
  ['createdump', false],
];

/** Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() and yama_ptrace_traceme() */
function losesAt(scope: PtraceScopeValue, starts: boolean): string | null {
  if (scope === 0) return null;
  if (scope === 3) return starts ? 'everything, also as root' : 'attaching, also as root';
  const attach = scope === 2 ? 'attaching to any process' : 'attaching to a process that it did not start';
  return scope === 2 && starts ? `${attach}, and starting one under it` : attach;
}

function installedTools(tree: FileTree, from: PtraceScopeValue, to: PtraceScopeValue): InstalledTool[] {
  return TOOLS.flatMap(([name, starts]) => {
    const loses = losesAt(to, starts);
    if (to <= from || loses === null || loses === losesAt(from, starts)) return [];
    const path = DIRECTORIES.map(directory => `${directory}/${name}`).find(
      one => tree.resolve(one).kind === 'file',
    );
    return path === undefined ? [] : [{ name, path, loses }];
  });
}

/** Whose answer would be another then: refused, or by what only the target knows. */
export function runningTracers({ host, processes }: Snapshot, to: PtraceScopeValue): RunningTracer[] {
  const byPid = tableOf(processes);
  const then = { ...host, processes, yama: parsePtraceScope(`${to}`) };
  const now = { ...host, processes };
  return processes.flatMap(traced => {
    const tracer = byPid.get(traced.tracerTgid ?? 0);
    if (tracer === undefined) return [];
    // Anew: the one that is there is itself.
    const target: ProcessFacts = { ...traced, tracerPid: 0, tracerTgid: 0 };
    const by = traced.ppid === tracer.pid ? 'traceme' : 'attach';
    const ask = (world: typeof now) => decide({ tracer, target, host: world, mode: by }).verdict;
    const verdict = ask(then);
    if (verdict === 'allowed' || verdict === ask(now)) return [];
    const names = { pid: tracer.pid, comm: tracer.comm, target: { pid: traced.pid, comm: traced.comm } };
    return [{ ...names, by, anew: verdict }];
  });
}

/** What a change of scope would take, before it is made. `snapshot` is null of a tree that doesn't run. */
export function impactOf(
  tree: FileTree,
  snapshot: Snapshot | null,
  from: PtraceScopeValue,
  to: PtraceScopeValue,
): Impact {
  return {
    tracers: snapshot === null || to <= from ? [] : runningTracers(snapshot, to),
    tools: installedTools(tree, from, to),
  };
}
