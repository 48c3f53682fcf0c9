import type { ProcessFacts } from '../../kernel/process-facts.js';

const NO_IDS = { real: null, effective: null, saved: null, fs: null };

/** The rights of a thread that isn't seen. */
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

/** Whether the facts are of a process. Facts of a single thread have the thread's own number as pid. */
const isProcess = ({ pid, tgid }: ProcessFacts) => tgid === null || tgid === pid;

/** Whether all threads of the process have the same rights. In nearly every process they have. */
export const hasLikeThreads = (facts: ProcessFacts): boolean =>
  facts.threadRights?.length === 0 || !isProcess(facts);

/** The facts of a thread, with the rights in which the thread differs from its process. */
function threadWith(facts: ProcessFacts, tid: number, rights: Partial<ProcessFacts>): ProcessFacts {
  const { tracedThreads } = facts;
  const traced = tracedThreads?.find(each => each.tid === tid);
  const tracerPid = traced?.tracerPid ?? (tracedThreads === null ? null : 0);
  const tracerTgid = traced === undefined ? tracerPid : traced.tracerTgid;
  return { ...facts, ...rights, pid: tid, tracerPid, tracerTgid, threadRights: [], tracedThreads: [] };
}

/**
 * The first thread of a process, and then one thread for each different set of rights. The kernel's rules compare two
 * threads. The threads of a process share its memory, so access to one thread is access to the process.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), which takes task_struct; credentials(7)
 */
export function threadsOf(facts: ProcessFacts): ProcessFacts[] {
  if (hasLikeThreads(facts)) return [facts];
  if (facts.threadRights === null) return [facts, { ...facts, ...UNSEEN_RIGHTS }];
  return [facts, ...facts.threadRights.map(({ tid, ...rights }) => threadWith(facts, tid, rights))];
}

/**
 * As {@link threadsOf} for a target, together with its traced threads. Yama allows the tracer of a thread to read that
 * thread.
 *
 * Kernel: security/yama/yama_lsm.c, ptracer_exception_found()
 */
export function targetThreadsOf(facts: ProcessFacts): ProcessFacts[] {
  const threads = threadsOf(facts);
  if (!facts.tracedThreads?.length || !isProcess(facts)) return threads;
  const others = facts.tracedThreads.filter(({ tid }) => threads.every(({ pid }) => pid !== tid));
  return [...threads, ...others.map(({ tid }) => threadWith(facts, tid, {}))];
}

/** The facts of one thread of {@link targetThreadsOf}. */
export const threadOf = (facts: ProcessFacts, tid: number): ProcessFacts =>
  targetThreadsOf(facts).find(({ pid }) => pid === tid) ?? facts;

const NOBODY: ReadonlySet<number> = new Set();

/** The processes that trace a thread of this process, as far as they are seen. */
export function tracerProcesses({ tracerTgid, tracedThreads }: ProcessFacts): ReadonlySet<number> {
  if (!tracerTgid && !tracedThreads?.length) return NOBODY;
  const found = new Set([tracerTgid ?? 0, ...(tracedThreads ?? []).map(traced => traced.tracerTgid ?? 0)]);
  found.delete(0);
  return found;
}
