import type { SnapshotFacts } from '../../kernel/host.js';
import type { ProcessFacts } from '../../kernel/process-facts.js';
import { type PtraceScopeValue, scopeOf } from '../../kernel/ptrace-scope.js';
import { decide } from './access-check.js';
import { tableOf } from './ancestry.js';

/** A tracer that is attached, and the answer to a new attach at the stricter scope. */
export interface RunningTracer {
  pid: number;
  comm: string | null;
  target: { pid: number; comm: string | null };
  /** `traceme`: the target is a child of the tracer, and may have used PTRACE_TRACEME. */
  by: 'attach' | 'traceme';
  /** `denied`, or `unknown`: refused unless the target has declared the tracer, which only the target knows. */
  reattach: 'denied' | 'unknown';
}

/** Finds the attached tracers for which a new attach at `to` would be denied or unknown, unlike at the present scope. */
export function runningTracers({ host, processes }: SnapshotFacts, to: PtraceScopeValue): RunningTracer[] {
  const byPid = tableOf(processes);
  const then = { ...host, processes, yama: scopeOf(to) };
  const now = { ...host, processes };
  const tracees = processes.filter(({ tracerTgid }) => tracerTgid !== null && tracerTgid !== 0);
  return tracees.flatMap(traced => {
    const tracer = byPid.get(traced.tracerTgid ?? 0);
    if (tracer === undefined) return [];
    // The tracer itself is attached, and would make a new attach fail. So the question leaves that out.
    const target: ProcessFacts = { ...traced, tracerPid: 0, tracerTgid: 0 };
    const by = traced.ppid === tracer.pid ? 'traceme' : 'attach';
    const ask = (world: typeof now) => decide({ tracer, target, host: world, mode: by }).verdict;
    const verdict = ask(then);
    if (verdict === 'allowed' || verdict === ask(now)) return [];
    const names = { pid: tracer.pid, comm: tracer.comm, target: { pid: traced.pid, comm: traced.comm } };
    return [{ ...names, by, reattach: verdict }];
  });
}
