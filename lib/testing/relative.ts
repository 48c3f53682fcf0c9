/// <reference lib="esnext.disposable" preserve="true" />
import { badOption, SyscallError } from '../errors.js';
import { HelperProcess, type Place } from '../kernel/helper-process.js';
import { assertPid } from '../kernel/pid.js';
import { outcomeOf, type ProbeMethod, type ProbeOutcome } from '../kernel/probe-outcome.js';
import { checkedCredentials } from '../kernel/probe-question.js';
import { lookAt } from '../kernel/probe-target.js';
import type { Credentials } from '../kernel/stranger.js';
import { readPtraceScope } from '../kernel/yama.js';
import { CHECKED_ELSEWHERE, checkedOptions, type OptionKinds } from '../options.js';

/**
 * The relation of the new process to this process:
 * - `child`: this process may trace it at ptrace_scope 1, as any ancestor
 * - `sibling`: a sibling of every other child of this process, as a debugger that is started beside its target
 * - `grandchild`: the child of a child
 * - `orphan`: no relative (init has adopted it), with our credentials
 * - `stranger`: as `orphan`, but without capabilities, or with the given credentials
 */
export type Relation = 'child' | 'sibling' | 'grandchild' | 'orphan' | 'stranger';

const PLACES: Record<Relation, Place> = {
  child: 'child',
  sibling: 'child',
  grandchild: 'grandchild',
  orphan: 'orphan',
  stranger: 'orphan',
};

/** What the new process is, beside its relation. */
export interface RelativeOptions {
  /** The ids and capabilities of the process. Other ids than ours require root. */
  credentials?: Credentials;
}

const OPTIONS: OptionKinds<RelativeOptions> = { credentials: CHECKED_ELSEWHERE };

export const pidOf = (process: number | Relative): number =>
  typeof process === 'number' ? process : process.pid;

/**
 * A process that sleeps until it gets commands. It ends with this process at the latest, and doesn't keep this process running.
 * `await using` ends it with its block.
 *
 * @throws SyscallError `EINVAL` by setPtracer(), if Yama runs and no process has that pid
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID` by setPtracer() and probe()
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED` by each command, if the process has ended
 * @example
 * ```js
 * import { spawnRelative } from 'tracegate/testing';
 *
 * const target = await spawnRelative('orphan');
 * const tracer = await spawnRelative('stranger');
 * await target.setDumpable('disabled');
 * console.log((await tracer.probe(target)).outcome); // denied
 * await Promise.all([target.end(), tracer.end()]);
 * ```
 */
export class Relative implements AsyncDisposable {
  readonly pid: number;
  readonly #process: HelperProcess;

  /** @internal see {@link spawnRelative} */
  constructor(process: HelperProcess) {
    this.pid = process.pid;
    this.#process = process;
  }

  async #prctl(line: string, request: string): Promise<void> {
    const { error } = await this.#process.ask(line);
    if (error !== 0) throw new SyscallError(error, { syscall: 'prctl', request, pid: this.pid });
  }

  /** `PR_SET_DUMPABLE` on itself. */
  setDumpable(dumpable: 'user' | 'disabled'): Promise<void> {
    return this.#prctl(`dumpable ${dumpable === 'user' ? 1 : 0}`, 'PR_SET_DUMPABLE');
  }

  /**
   * `PR_SET_PTRACER` on itself. Without Yama the kernel doesn't know the call, and it is left out.
   *
   * @throws SyscallError `EINVAL` if no process has that pid
   */
  async setPtracer(tracer: number | Relative | 'any' | 'none'): Promise<void> {
    const pid = tracer === 'any' ? -1 : tracer === 'none' ? 0 : pidOf(tracer);
    if (typeof tracer === 'number') assertPid(tracer);
    if (readPtraceScope().state !== 'absent') await this.#prctl(`declare ${pid}`, 'PR_SET_PTRACER');
  }

  /** The kernel's answer to a probe by this relative. */
  async probe(
    target: number | Relative,
    { method = 'access' }: { method?: ProbeMethod } = {},
  ): Promise<ProbeOutcome> {
    const pid = pidOf(target);
    assertPid(pid);
    const answer = await this.#process.ask(method === 'traceme' ? method : `${method} ${pid}`);
    return outcomeOf(method, answer, lookAt(pid), this.pid);
  }

  /** Ends the process, and resolves when it has ended. */
  end(): Promise<void> {
    return this.#process.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }
}

function credentialsFor(relation: Relation, given: Credentials | undefined): Credentials | undefined {
  if (relation !== 'stranger' || given !== undefined) return given;
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/**
 * Starts a process in a relation to this one, for tests of tracing: at ptrace_scope 1 the kernel checks ancestry. The
 * process can be a target, can opt out or declare a tracer, and can probe other processes.
 *
 * Applies to: a new process.
 *
 * Kernel: security/yama/yama_lsm.c, task_is_descendant()
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SyscallError `EPERM` if it could not take the credentials
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 * @example
 * ```js
 * import { probe } from 'tracegate';
 * import { spawnRelative } from 'tracegate/testing';
 *
 * const child = await spawnRelative('child');
 * console.log((await probe(child.pid)).outcome); // allowed
 * await child.end();
 * ```
 */
export async function spawnRelative(relation: Relation, options: RelativeOptions = {}): Promise<Relative> {
  if (!Object.hasOwn(PLACES, relation)) {
    throw badOption('relation', `one of ${Object.keys(PLACES).join(', ')}`, relation);
  }
  const { credentials: given } = checkedOptions(options, OPTIONS);
  const credentials = credentialsFor(relation, given && checkedCredentials(given, 'credentials'));
  const helper = await HelperProcess.start(PLACES[relation], credentials);
  // A test that fails doesn't come to end(), and its runner waits for what keeps the process running.
  helper.unref();
  const relative = new Relative(helper);
  // The change of credentials cleared the flag (kernel/cred.c, commit_creds()). A program of this user would be dumpable.
  if (credentials !== undefined) await relative.setDumpable('user');
  return relative;
}
