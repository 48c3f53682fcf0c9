import { constants } from 'node:os';
import { SyscallError } from '../errors.js';
import { observeProcesses, type SnapshotFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { type PtraceScope, scopeOf, yamaDemand } from '../kernel/ptrace-scope.js';
import { confinedProcesses } from '../kernel/security-modules.js';
import { afterExec, type Program } from '../policy/access/after-exec.js';
import { hypotheticalProcess } from '../policy/access/hypothetical.js';
import { mayBeActive } from '../policy/access/other-lsm.js';
import type { Host } from '../policy/access/question.js';
import { programOf } from './debugger.js';
import { asConfined, assumedDomain, type Domain, knownDomain, ownDomain } from './domain.js';
import type { ExplainOptions } from './explain.js';

interface Seen {
  snapshot: SnapshotFacts;
  /** The tracer, or the process that starts the debugger. */
  starter: ProcessFacts;
  seenTarget: ProcessFacts | null;
}

/** The question, with the facts of both sides. */
export interface Asked extends Seen {
  host: Host;
  /** The program that the starter would execute. The program is then the tracer; otherwise the starter is. */
  program?: Program;
  tracer: ProcessFacts;
  target: ProcessFacts | null;
  domain: Domain;
}

/** Whether ancestry could decide. Otherwise the ancestors need not be read. */
export function asksAncestry({ scope, mode }: ExplainOptions, running: PtraceScope): boolean {
  if (mode === 'traceme') return true;
  const demand = yamaDemand(scope === undefined ? running : scopeOf(scope));
  return demand === 'relation' || demand === null;
}

function look(pid: number, options: ExplainOptions): Seen {
  const { tracer, mode } = options;
  const snapshot = observeProcesses(
    [pid, typeof tracer === 'number' ? tracer : process.pid],
    // What a confined process has started is in its domain.
    yama => options.confined === true || confinedProcesses.size > 0 || asksAncestry(options, yama),
    mode === 'perf',
  );
  const find = (wanted: number | null) => snapshot.processes.find(facts => facts.pid === wanted);
  const target = find(pid) ?? null;
  if (tracer === 'stranger') return { snapshot, starter: strangerTo(target, snapshot), seenTarget: target };
  const isOfParent = mode === 'traceme' && options.debugger === undefined;
  const asks = tracer ?? (isOfParent && target !== null ? target.ppid : process.pid);
  const starter = find(asks);
  if (starter === undefined) {
    throw new SyscallError(ESRCH, {
      syscall: 'open',
      ...(asks !== null && { pid: asks }),
      because: `no process has the tracer's pid ${asks}`,
    });
  }
  const isOfChild = isOfParent && asks === pid;
  return { snapshot, starter, seenTarget: isOfChild ? childOf(starter) : target };
}

const { ESRCH } = constants.errno;

function strangerTo(target: ProcessFacts | null, { host }: SnapshotFacts): ProcessFacts {
  const [uid, gid] = [target?.uids.effective ?? null, target?.gids.effective ?? null];
  return hypotheticalProcess({ uid, gid, userNs: host.observedAs.userNs });
}

/** A child that the parent would start: with the parent's rights, and without a tracer. */
function childOf(parent: ProcessFacts): ProcessFacts {
  return { ...parent, ppid: parent.pid, tracerPid: 0, tracerTgid: 0, declaredTracer: 'none' };
}

function domainOf({ snapshot, starter, seenTarget }: Seen, isAssumed: boolean): Domain {
  const { host, processes } = snapshot;
  if (isAssumed) return assumedDomain(starter, seenTarget, processes);
  if (starter.pid !== process.pid) return knownDomain(starter, seenTarget, processes);
  return mayBeActive(host, 'landlock') ? ownDomain(seenTarget?.pid === starter.pid) : { by: null };
}

/** With a debugger, the tracer's facts are those after its exec, and a program that it starts is its child. */
export function lookAt(pid: number, options: ExplainOptions): Asked {
  const { debugger: name, scope, tracer: asker, mode, confined = false } = options;
  const seen = look(pid, options);
  const { snapshot, starter: found, seenTarget } = seen;
  const domain = domainOf(seen, confined);
  const starter = confined ? asConfined(found) : found;
  const host: Host = {
    ...snapshot.host,
    processes: snapshot.processes,
    ...(scope !== undefined && { yama: scopeOf(scope) }),
  };
  if (name === undefined) return { ...seen, host, starter, tracer: starter, target: seenTarget, domain };
  // A confined program has set no_new_privs. That is no sign of a second domain.
  const asStarter = confined ? { ...starter, noNewPrivs: true } : starter;
  const program = programOf(name, asStarter, asker === 'stranger');
  const after = afterExec(program, host).facts;
  const tracer = { ...after, noNewPrivs: starter.noNewPrivs };
  const target = mode === 'traceme' && seenTarget !== null ? childOf(tracer) : seenTarget;
  return { ...seen, host, starter, program, tracer, target, domain };
}
