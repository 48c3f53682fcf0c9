import type { ThreadRights, TracedThread } from './other-threads.js';
import type { Ids, ProcessKind } from './proc-status.js';
import type { RuledOutUserNs } from './user-namespace.js';

/** As {@link Ids}. Null: the id isn't mapped in our own user namespace, or differs between several processes. */
export type SeenIds = { readonly [Key in keyof Ids]: number | null };

/**
 * The facts about a process, or one of its threads, that the tracing rules use. An unseen value is null or `'unknown'`.
 */
export interface ProcessFacts {
  pid: number;
  /** The pid of `real_parent`; 0 if there is none in our pid namespace. */
  ppid: number | null;
  /** The pid of the thread-group leader. It differs from `pid` if `pid` is another thread. */
  tgid: number | null;
  /** Field 22 of stat, in clock ticks since boot. With the pid it identifies the process. */
  startTime: number | null;
  /** The name of the process: 15 bytes, which the process itself can change. */
  comm: string | null;
  kind: ProcessKind | 'unknown';
  uids: SeenIds;
  gids: SeenIds;
  /** The id of the process' user namespace. */
  userNs: string | null;
  /** The observer's user namespace, where `userNs` isn't seen but is certainly another one. */
  userNsRuledOut: RuledOutUserNs | null;
  /** The id of the user namespace that the memory belongs to. Null: unseen, as for every dumpable process. */
  memoryUserNs: string | null;
  /** Hexadecimal masks. */
  capPermitted: string | null;
  capEffective: string | null;
  /** For what an exec may regain: P'(permitted) of uid 0 is inheritable | bounding (capabilities(7)). */
  capInheritable: string | null;
  capBounding: string | null;
  /** False: the flag is 0 or 2, and only a holder of CAP_SYS_PTRACE passes. */
  dumpable: boolean | null;
  seccomp: 'none' | 'strict' | 'filter' | null;
  noNewPrivs: boolean | null;
  /** The tracing thread; 0 if there is none (or none that our pid namespace can name). */
  tracerPid: number | null;
  /** The process of the tracing thread; 0 likewise. */
  tracerTgid: number | null;
  /** The other traced threads of the process; null where they aren't seen. */
  tracedThreads: readonly TracedThread[] | null;
  /** One other thread for each set of rights that differs from these; null where the threads aren't seen. */
  threadRights: readonly ThreadRights<SeenIds>[] | null;
  /** The number of threads. */
  threads: number | null;
  /** The label in /proc/PID/attr/current, such as AppArmor's `unconfined`; empty where no security module labels. */
  lsmLabel: string | null;
  /** The process' argument to PR_SET_PTRACER. It can't be read, so it is `'unknown'` unless the caller knows it. */
  declaredTracer: number | 'any' | 'none' | 'unknown';
}
