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

/** Whether the rules can't tell the threads of the process apart, as those of nearly every process. */
export const hasLikeThreads = (facts: ProcessFacts): boolean =>
  !isProcess(facts) || (facts.threadRights?.length === 0 && !facts.tracedThreads?.length);

/**
 * The kernel's rules compare two threads, and a process is open where one of its threads is: they share its memory. This gives
 * the first thread, then one of each kind with other rights, and then those that are traced.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access(), which takes task_struct; credentials(7)
 */
export function threadsOf(facts: ProcessFacts): ProcessFacts[] {
  if (hasLikeThreads(facts)) return [facts];
  const { threadRights, tracedThreads } = facts;
  const threadOf = (tid: number, rights: Partial<ProcessFacts>): ProcessFacts => {
    const traced = tracedThreads?.find(each => each.tid === tid);
    const tracerPid = traced?.tracerPid ?? (tracedThreads === null ? null : 0);
    const tracerTgid = traced === undefined ? tracerPid : traced.tracerTgid;
    return { ...facts, ...rights, pid: tid, tracerPid, tracerTgid, threadRights: [], tracedThreads: [] };
  };
  const differing = threadRights?.map(({ tid, ...rights }) => threadOf(tid, rights)) ?? [
    { ...facts, ...UNSEEN_RIGHTS },
  ];
  // Yama lets the tracer of a thread read that thread: security/yama/yama_lsm.c, ptracer_exception_found().
  const traced = (tracedThreads ?? []).filter(({ tid }) => differing.every(({ pid }) => pid !== tid));
  return [facts, ...differing, ...traced.map(({ tid }) => threadOf(tid, {}))];
}

/** The facts of one of {@link threadsOf}. */
export const threadOf = (facts: ProcessFacts, tid: number): ProcessFacts =>
  threadsOf(facts).find(({ pid }) => pid === tid) ?? facts;

/** The processes that trace a thread of it, as far as they are seen. */
export function tracerProcesses({ tracerTgid, tracedThreads }: ProcessFacts): Set<number> {
  const found = new Set([tracerTgid ?? 0, ...(tracedThreads ?? []).map(traced => traced.tracerTgid ?? 0)]);
  found.delete(0);
  return found;
}
