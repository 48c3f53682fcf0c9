import type { ProcessFacts } from '../../kernel/process-facts.js';
import { checkAccess, judge } from '../access/access-check.js';
import type { AccessMode } from '../access/access-mode.js';
import { processName } from '../access/ancestry.js';
import type { Host, Question } from '../access/question.js';
import type { RuleId } from '../access/verdict.js';
import type { Action, Change } from './change.js';
import { leastChanges } from './change-search.js';
import { changesOf } from './changes.js';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.js';

/** Actions that together allow the access, or, where nothing can, actions to take instead. */
export interface Remedy {
  /** `instead`: nothing allows the access, and the actions are another way to the aim. */
  kind: 'change' | 'instead';
  actions: Action[];
}

/** Whether the changes remove every refusal. A rule in `refusing` must also no longer be unknown. */
function helps(chosen: readonly Change[], question: Question, refusing: readonly RuleId[]): boolean {
  const { judgements } = judge(chosen.reduce((changed, change) => change.apply(changed), question));
  return !judgements.some(
    ({ rule, outcome }) => outcome === 'deny' || (outcome === 'unknown' && refusing.includes(rule)),
  );
}

export const action = ({ who, what, command, call, opens }: Action): Action => ({
  who,
  what,
  command,
  call,
  opens,
});

export const instead = (who: string, what: string, command: string | null = null): Remedy => ({
  kind: 'instead',
  actions: [{ who, what, command, call: null, opens: 'nothing' }],
});

/** What to do instead, where no change makes tracing possible. */
function insteadOfTracing({ target, host, program }: Question, refusing: readonly RuleId[]): Remedy[] {
  const { pid, ppid, kind, threads } = target;
  if (refusing[0] === 'exec' && program !== undefined) {
    const { executes } = program.file;
    const what = `start a copy of ${executes}, which has no file capabilities, and ask for the copy; or have the bounding set restored where it was reduced (a container's capabilities, a service's CapabilityBoundingSet=)`;
    return [instead('you', what, `cp ${executes} .`)];
  }
  if (refusing.includes('kernel-thread') && kind === 'kernel-thread') {
    const what = 'reads the stack of the kernel thread, which no debugger can attach to';
    return [instead('root', what, `cat /proc/${pid}/stack`)];
  }
  if (refusing.includes('perf-events') && host.perfEvents?.state === 'absent') {
    const what =
      'boots a kernel with CONFIG_PERF_EVENTS=y; on this kernel a profiler has to read the stack by other calls, as py-spy does';
    return [instead('root', what)];
  }
  if (refusing.includes('zombie') && kind === 'zombie' && threads !== null && threads > 1) {
    const what = 'attach to one of its other threads: only its first thread has ended';
    return [instead('you', what, `ls /proc/${pid}/task`)];
  }
  if (refusing.includes('zombie') && kind === 'zombie') {
    const what =
      'waits for it, which removes it: nothing is left to trace. Its core dump, if there is one, shows how it ended';
    return [instead(`its parent, process ${processName(ppid, host.processes)}`, what)];
  }
  if (refusing[0] === 'same-thread-group') {
    return [instead('you', 'attach from another process: a child, say, or the debugger')];
  }
  return [];
}

/** A remedy must not depend on an unseen declaration, so an unknown declared tracer counts as none. */
function withoutDeclaration(question: Question): Question {
  const { target } = question;
  if (target.declaredTracer !== 'unknown') return question;
  return { ...question, target: { ...target, declaredTracer: 'none' } };
}

/** For the case that no process has the pid. */
export const NO_SUCH_PROCESS: readonly Remedy[] = [
  instead(
    'you',
    'check the pid: the process has ended, or the pid is that of another pid namespace (inside of a container a process has another pid than outside)',
    'ps -e',
  ),
];

/**
 * The remedies that would allow the access, from what opens least to what opens most. Each remedy is tried on the model
 * before it is offered, and none contains an earlier one. Pure.
 *
 * @param refusing the rules that refuse, or that may have refused where the kernel did
 */
export function remediesFor(
  question: Question,
  refusing: readonly RuleId[],
  surroundings: Surroundings,
): Remedy[] {
  const other = insteadOfTracing(question, refusing);
  if (other.length > 0) return other;
  const undeclared = withoutDeclaration(question);
  const refused = judge(undeclared).judgements.filter(({ outcome }) => outcome === 'deny');
  const toAlter = [...new Set([...refusing, ...refused.map(({ rule }) => rule)])];
  return leastChanges(changesOf(undeclared, toAlter, surroundings), chosen =>
    helps(chosen, undeclared, toAlter),
  ).map(chosen => ({ kind: 'change', actions: chosen.map(action) }));
}

/**
 * What would make the kernel allow an access that it denies by the rule that decides {@link checkAccess}. The remedies come
 * from what opens least to what opens most. Empty where the access is allowed or the verdict is unknown. Pure.
 *
 * The facts don't tell the tracer's container or unit. explain() looks for it, and names that engine's own way.
 *
 * Applies to: pure data.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), as for {@link checkAccess}
 *
 * @param target null: no process has the requested pid
 * @throws nothing
 * @see docs/surroundings.md
 * @example
 * ```js
 * import { hypotheticalProcess, remedies } from 'tracegate/policy';
 * import { observe } from 'tracegate/snapshot';
 *
 * const { host, processes } = observe();
 * const ids = { uid: 1000, gid: 1000, userNs: host.observedAs.userNs };
 * const tracer = { ...hypotheticalProcess(ids), pid: 801, tgid: 801 };
 * const target = { ...hypotheticalProcess(ids), pid: 802, tgid: 802, dumpable: false };
 * for (const { actions } of remedies(tracer, target, { ...host, processes }, 'attach'))
 *   console.error(actions.map(({ who, what, call }) => `${who}: ${what} ${call ?? ''}`));
 * console.log(remedies(tracer, target, { ...host, processes }, 'attach').length > 0); // true
 * ```
 */
export function remedies(
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  host: Host,
  mode: AccessMode,
): Remedy[] {
  if (target === null) return [...NO_SUCH_PROCESS];
  const { verdict, decidedBy } = checkAccess(tracer, target, host, mode);
  return verdict === 'denied'
    ? remediesFor({ tracer, target, host, mode }, [decidedBy], NO_SURROUNDINGS)
    : [];
}
