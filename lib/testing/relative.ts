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
 * What a relative is to this process:
 * - `child`: this process may trace it at ptrace_scope 1, as any ancestor
 * - `sibling`: to every other child of this process, as a debugger that is started beside its target
 * - `grandchild`: the child of a child
 * - `orphan`: nobody's relative (init has adopted it), with our credentials
 * - `stranger`: the same without a capability, or with the credentials that are given
 */
export type Relation = 'child' | 'sibling' | 'grandchild' | 'orphan' | 'stranger';

const PLACES: Record<Relation, Place> = {
  child: 'child',
  sibling: 'child',
  grandchild: 'grandchild',
  orphan: 'orphan',
  stranger: 'orphan',
};

export interface RelativeOptions {
  /** Its ids and capabilities, which takes root where they are others than ours. */
  credentials?: Credentials;
}

const OPTIONS: OptionKinds<RelativeOptions> = { credentials: CHECKED_ELSEWHERE };

export const pidOf = (process: number | Relative): number =>
  typeof process === 'number' ? process : process.pid;

/** A process that sleeps, and does to itself and to others what it is told. It ends with this process at the latest. */
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
   * `PR_SET_PTRACER` on itself. Without Yama nothing knows the call, and nothing asks for it.
   *
   * @throws SyscallError `EINVAL` if no process has that pid
   */
  async setPtracer(tracer: number | Relative | 'any' | 'none'): Promise<void> {
    const pid = tracer === 'any' ? -1 : tracer === 'none' ? 0 : pidOf(tracer);
    if (typeof tracer === 'number') assertPid(tracer);
    if (readPtraceScope().state !== 'absent') await this.#prctl(`declare ${pid}`, 'PR_SET_PTRACER');
  }

  /** What the kernel answers when it is this process that asks. */
  async probe(
    target: number | Relative,
    { method = 'access' }: { method?: ProbeMethod } = {},
  ): Promise<ProbeOutcome> {
    const pid = pidOf(target);
    assertPid(pid);
    const answer = await this.#process.ask(method === 'traceme' ? method : `${method} ${pid}`);
    return outcomeOf(method, answer, lookAt(pid), this.pid);
  }

  /** Ends it, and resolves when it has ended. */
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
 * Starts a process in a relation, for tests of who may trace whom: at ptrace_scope 1 the kernel asks about ancestry.
 * It can be looked at, told to opt out or to declare a tracer, and asked what it may trace itself.
 *
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 * @throws SyscallError `EPERM` if it could not take the credentials
 * @throws TracegateError `ERR_TRACEGATE_HELPER_FAILED`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export async function spawnRelative(relation: Relation, options: RelativeOptions = {}): Promise<Relative> {
  if (!Object.hasOwn(PLACES, relation)) {
    throw badOption('relation', `one of ${Object.keys(PLACES).join(', ')}`, relation);
  }
  const { credentials: given } = checkedOptions(options, OPTIONS);
  const credentials = credentialsFor(relation, given && checkedCredentials(given, 'credentials'));
  const relative = new Relative(await HelperProcess.start(PLACES[relation], credentials));
  // As a program that this user started would be: kernel/cred.c, commit_creds() closed it.
  if (credentials !== undefined) await relative.setDumpable('user');
  return relative;
}
