import { inspect } from 'node:util';
import { badArgument, TracegateError } from '../errors.js';
import { isCapability } from './capabilities.js';
import { native } from './native.js';
import { assertPid } from './pid.js';
import { type Answer, outcomeOf, type ProbeMethod, type ProbeOutcome, WITNESSES } from './probe-outcome.js';
import { type ProcessFacts, readProcess, type Sighting } from './process-facts.js';
import {
  type Asker,
  askHelper,
  askHelperSync,
  type Credentials,
  type HelperCommand,
  type HelperReply,
} from './stranger.js';

/** Who asks: this process, an unrelated one with the target's own ids and no capability, or one with these. */
export type ProbeAs = 'self' | 'stranger' | Credentials;

export interface ProbeOptions {
  /**
   * - `access` (default): the kernel's check alone, no effect on the target
   * - `seize`: a real attach that doesn't stop the target, let go at once
   * - `attach`: a debugger's attach, in a helper process; stops the target for microseconds
   * - `traceme`: whether a program started under a debugger may ask for it; `pid` only says whose ids `stranger` takes
   */
  method?: ProbeMethod;
  as?: ProbeAs;
}

export interface ProbeResult extends ProbeOutcome {
  pid: number;
  /** Field 22 of /proc/PID/stat: with the pid it says which process was asked about. */
  startTime: number | null;
  comm: string | null;
  as: ProbeAs;
  method: ProbeMethod;
  tracerPid: number | null;
}

const METHODS: readonly ProbeMethod[] = ['access', 'seize', 'attach', 'traceme'];

function badOption(name: string, wanted: string, value: unknown): Error {
  return badArgument(
    TypeError,
    'ERR_TRACEGATE_INVALID_OPTION',
    `${name} must be ${wanted}, not ${inspect(value)}`,
  );
}

const LARGEST_ID = 2 ** 32 - 2;

function assertAs(as: unknown): asserts as is ProbeAs {
  if (as === 'self' || as === 'stranger') return;
  const wanted = "'self', 'stranger' or { uid, gid, capabilities }";
  if (typeof as !== 'object' || as === null) throw badOption('as', wanted, as);
  const { uid, gid, capabilities = [] } = as as Record<string, unknown>;
  for (const [name, id] of Object.entries({ uid, gid })) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > LARGEST_ID) {
      throw badOption(`as.${name}`, `an integer from 0 to ${LARGEST_ID}`, id);
    }
  }
  if (!Array.isArray(capabilities)) throw badOption('as.capabilities', 'a list of names', capabilities);
  for (const name of capabilities) {
    if (!isCapability(name))
      throw badOption('as.capabilities', "a list of names such as 'CAP_SYS_PTRACE'", name);
  }
}

interface Question {
  pid: number;
  as: ProbeAs;
  method: ProbeMethod;
  /** How it is really asked: a target that has a tracer can't get a second one, so there only the check is asked. */
  ask: ProbeMethod;
  before: Sighting<ProcessFacts>;
}

function question(pid: number, { method = 'access', as = 'self' }: ProbeOptions): Question {
  assertPid(pid);
  if (!METHODS.includes(method))
    throw badOption('method', METHODS.map(name => `'${name}'`).join(' or '), method);
  assertAs(as);
  const before = readProcess(pid);
  const isTraced = before.state === 'seen' && before.facts.tracerPid !== 0;
  return { pid, as, method, ask: isTraced && method !== 'traceme' ? 'access' : method, before };
}

const unpack = (packed: number): Answer => ({
  error: packed & 0xffff,
  witness: WITNESSES[packed >> 16] ?? 'none',
});

/** Who has to ask by the helper, or null where this process can ask by itself. */
function helperFor({ ask, as, before }: Question): Asker | null {
  if (as === 'stranger') {
    if (before.state !== 'seen') return null;
    return { uid: before.facts.uids.effective, gid: before.facts.gids.effective };
  }
  if (as !== 'self') return as;
  return ask === 'attach' || ask === 'traceme' ? 'kin' : null;
}

/**
 * The ways by which this process asks itself. A child that an event loop waits for may only be attached to while that
 * loop stands still: a stop of the traced child would look to libuv like its end. So the loop's own thread does it.
 */
function askAlone({ pid, ask }: Question): Answer | 'elsewhere' {
  if (ask !== 'seize') return unpack(native().probeAccess(pid));
  const parent = native().parentOf(pid);
  if (parent === 2) {
    throw new TracegateError(
      'ERR_TRACEGATE_CHILD_OF_OTHER_THREAD',
      `process ${pid} is a child of another thread's event loop, which would take an attach for its end: use method 'access', or ask from the thread that started it`,
    );
  }
  return parent === 1 ? unpack(native().probeSeize(pid)) : 'elsewhere';
}

function commandFor({ pid, ask }: Question): HelperCommand {
  return ask === 'traceme' ? ask : `${ask} ${pid}`;
}

const fromHelper = (reply: HelperReply): Answer =>
  reply.state === 'answered'
    ? { error: reply.error, witness: WITNESSES[reply.witness] ?? 'none' }
    : { error: reply.error, witness: 'none', syscall: reply.syscall };

/**
 * An attach "by self" is done by a child of ours, which at ptrace_scope 1 lacks our descendants. Where it is refused
 * what we ourselves may do, the refusal is not our answer.
 */
function ownAnswer(asked: Question, answer: Answer): Answer {
  if (asked.as !== 'self' || asked.ask !== 'attach' || answer.error === 0) return answer;
  const own = unpack(native().probeAccess(asked.pid));
  return own.error === 0 ? { ...answer, witness: 'none' } : answer;
}

function result(asked: Question, answer: Answer): ProbeResult {
  const { pid, method, as, before } = asked;
  const after = readProcess(pid);
  const isSame =
    before.state === 'seen' && after.state === 'seen' && before.facts.startTime === after.facts.startTime;
  const target: Sighting<ProcessFacts> =
    before.state === 'hidden' || after.state === 'hidden'
      ? { state: 'hidden', cause: '' }
      : isSame
        ? after
        : { state: 'absent' };
  const facts = target.state === 'seen' ? target.facts : null;
  return {
    pid,
    startTime: facts?.startTime ?? null,
    comm: facts?.comm ?? null,
    as,
    method,
    ...outcomeOf(method, answer, target, as === 'self' ? process.pid : null),
    tracerPid: facts?.tracerPid ?? null,
  };
}

const NO_SUCH_PROCESS: Answer = { error: 3, witness: 'none', syscall: 'open' };

/**
 * Whether a process may be attached to, asked of the kernel rather than computed. A refusal is an answer, not an
 * exception. The target is not stopped (but by `attach`), signalled or left traced.
 *
 * Kernel: kernel/ptrace.c, __ptrace_may_access() and ptrace_attach(); kernel/pid.c, pidfd_getfd()
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`, `ERR_TRACEGATE_INVALID_OPTION`
 * @throws TracegateError `ERR_TRACEGATE_CHILD_OF_OTHER_THREAD`, `ERR_TRACEGATE_NATIVE_UNAVAILABLE`,
 *   `ERR_TRACEGATE_HELPER_FAILED`
 */
export async function probe(pid: number, options: ProbeOptions = {}): Promise<ProbeResult> {
  const asked = question(pid, options);
  if (asked.before.state === 'absent') return result(asked, NO_SUCH_PROCESS);
  const asker = helperFor(asked);
  if (asker !== null) {
    return result(asked, ownAnswer(asked, fromHelper(await askHelper(asker, commandFor(asked)))));
  }
  if (asked.as === 'stranger') return result(asked, HIDDEN);
  const answer = askAlone(asked);
  return result(asked, answer === 'elsewhere' ? unpack(await native().probeSeizeAsync(pid)) : answer);
}

/** As {@link probe}, holding the event loop for as long as it takes: docs/benchmarks.md. */
export function probeSync(pid: number, options: ProbeOptions = {}): ProbeResult {
  const asked = question(pid, options);
  if (asked.before.state === 'absent') return result(asked, NO_SUCH_PROCESS);
  const asker = helperFor(asked);
  if (asker !== null) {
    return result(asked, ownAnswer(asked, fromHelper(askHelperSync(asker, commandFor(asked)))));
  }
  if (asked.as === 'stranger') return result(asked, HIDDEN);
  const answer = askAlone(asked);
  return result(asked, answer === 'elsewhere' ? unpack(native().probeSeize(pid)) : answer);
}

/** Whose ids a stranger should take can't be seen. */
const HIDDEN: Answer = { error: 2, witness: 'none', syscall: 'open' };
