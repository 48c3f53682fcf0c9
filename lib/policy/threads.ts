import type { ProcessFacts } from '../kernel/process-facts.js';

const NO_IDS = { real: null, effective: null, saved: null, fs: null };

/** Of a thread that isn't seen. */
const UNSEEN_RIGHTS = {
  uids: NO_IDS,
  gids: NO_IDS,
  capPermitted: null,
  capEffective: null,
  capInheritable: null,
  capBounding: null,
  seccomp: null,
  noNewPrivs: null,
} satisfies Partial<ProcessFacts>;

/** Facts of a process, and not of one thread that was asked about by its own number. */
const isProcess = ({ pid, tgid }: ProcessFacts) => tgid === null || tgid === pid;

/** Whether each thread of the process has the same rights, as those of nearly every process have. */
export const hasLikeThreads = (facts: ProcessFacts): boolean =>
  facts.threadRights?.length === 0 || !isProcess(facts);

/** A thread of a process with other rights. */
function threadWith(facts: ProcessFacts, tid: number, rights: Partial<ProcessFacts>): ProcessFacts {
  const { tracedThreads } = facts;
  const traced = tracedThreads?.find(each => each.tid === tid);
  const tracerPid = traced?.tracerPid ?? (tracedThreads === null ? null : 0);
  const tracerTgid = traced === undefined ? tracerPid : traced.tracerTgid;
  return { ...facts, ...rights, pid: tid, tracerPid, tracerTgid, threadRights: [], tracedThreads: [] };
}

/**
 * The kernel's rules compare two threads, and a process is open where one of its threads is: they share its memory. This gives
 * the first thread and then one of each kind with other rights.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), which takes task_struct; credentials(7)
 */
export function threadsOf(facts: ProcessFacts): ProcessFacts[] {
  if (hasLikeThreads(facts)) return [facts];
  if (facts.threadRights === null) return [facts, { ...facts, ...UNSEEN_RIGHTS }];
  return [facts, ...facts.threadRights.map(({ tid, ...rights }) => threadWith(facts, tid, rights))];
}

/**
 * Of a target also those that are traced: Yama lets the tracer of a thread read that thread.
 *
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found()
 */
export function targetThreadsOf(facts: ProcessFacts): ProcessFacts[] {
  const threads = threadsOf(facts);
  if (!facts.tracedThreads?.length || !isProcess(facts)) return threads;
  const others = facts.tracedThreads.filter(({ tid }) => threads.every(({ pid }) => pid !== tid));
  return [...threads, ...others.map(({ tid }) => threadWith(facts, tid, {}))];
}

/** The facts of one of {@link targetThreadsOf}. */
export const threadOf = (facts: ProcessFacts, tid: number): ProcessFacts =>
  targetThreadsOf(facts).find(({ pid }) => pid === tid) ?? facts;

/** The processes that trace a thread of it, as far as they are seen. */
export function tracerProcesses({ tracerTgid, tracedThreads }: ProcessFacts): Set<number> {
  const found = new Set([tracerTgid ?? 0, ...(tracedThreads ?? []).map(traced => traced.tracerTgid ?? 0)]);
  found.delete(0);
  return found;
}
