// A recording of `tracegate watch` beside what the programs did: nothing is missing, nothing is invented, and what it says of the
// other scopes is what happens there.
import type { Log, Logged } from './in-guest.js';

/** The lines of a recording that are compared (schemas/watch.schema.json). */
interface Recorded {
  event: string;
  id?: number;
  pair?: number;
  way?: string;
  outcome?: string;
  tracer?: { pid: number };
  target?: { pid: number };
  scopes?: readonly { verdict: string }[];
  lost?: number | null;
}

/** In the order of the recording. */
interface Seen {
  way: string;
  outcome: string;
  /** At scope 0, 1, 2 and 3. */
  verdicts: readonly string[];
}

const keyOf = (way: string, tracer: number, target: number) => `${way} of ${target} by ${tracer}`;

/** The accesses of a recording, by what they are; and what it lost. */
export function readRecording(text: string): { seen: Map<string, Seen[]>; lost: number } {
  const pairs = new Map<number, Recorded>();
  const seen = new Map<string, Seen[]>();
  let lost = 0;
  for (const line of text.split('\n').filter(Boolean)) {
    const recorded = JSON.parse(line) as Recorded;
    if (recorded.event === 'gap') lost += recorded.lost ?? Number.NaN;
    if (recorded.event === 'pair') pairs.set(recorded.id ?? 0, recorded);
    if (recorded.event !== 'access') continue;
    const pair = pairs.get(recorded.pair ?? 0);
    const { tracer, target, outcome = '' } = recorded;
    if (pair === undefined || tracer === undefined || target === undefined)
      throw new Error(`an access without its pair: ${line}`);
    const key = keyOf(pair.way ?? '', tracer.pid, target.pid);
    const verdicts = (pair.scopes ?? []).map(({ verdict }) => verdict);
    seen.set(key, [...(seen.get(key) ?? []), { way: pair.way ?? '', outcome, verdicts }]);
  }
  return { seen, lost };
}

const OUTCOMES: Record<string, string> = { 0: 'allowed', EPERM: 'refused', EACCES: 'refused' };

/** What the kernel answered, in the words of a recording. */
const outcomeOf = ({ answer }: Logged) => OUTCOMES[answer] ?? answer;

/** Pairs each access of the log with its own event, in order. */
function pairUp(log: Log, seen: ReadonlyMap<string, Seen[]>) {
  const left = new Map([...seen].map(([key, events]) => [key, [...events]]));
  const found = log.accesses.map(access =>
    access.isAsked ? left.get(keyOf(access.way, access.tracer, access.target))?.shift() : undefined,
  );
  const pids = new Set(log.accesses.map(({ tracer }) => tracer));
  const invented = [...left].filter(
    ([key, events]) => events.length > 0 && pids.has(Number(key.split(' ').at(-1))),
  );
  return { found, invented };
}

export interface Completeness {
  accesses: number;
  lost: number;
  differences: string[];
}

/** Whether a recording has each access, with the outcome, and no other of these programs. */
export function isComplete(log: Log, recording: string): Completeness {
  const { seen, lost } = readRecording(recording);
  const { found, invented } = pairUp(log, seen);
  const asked = log.accesses.filter(access => access.isAsked);
  const differences = log.accesses.flatMap((access, at) => {
    if (!access.isAsked) return [];
    const outcome = found[at]?.outcome ?? 'not recorded';
    return outcome === outcomeOf(access)
      ? []
      : [`${keyOf(access.way, access.tracer, access.target)}: ${access.answer}, recorded: ${outcome}`];
  });
  return {
    accesses: asked.length,
    lost,
    differences: [
      ...differences,
      ...invented.map(([key, events]) => `${key}: recorded ${events.length} times more than it happened`),
    ],
  };
}

export interface Truth {
  comparisons: number;
  unknown: number;
  differences: string[];
}

/** What a recording said of `log.scope`, beside what happened there to the same accesses. */
export function isTrue(recordedAt: Log, recording: string, log: Log): Truth {
  const { found } = pairUp(recordedAt, readRecording(recording).seen);
  const truth: Truth = { comparisons: 0, unknown: 0, differences: [] };
  log.accesses.forEach((access, at) => {
    const verdict = found[at]?.verdicts[log.scope];
    if (verdict === undefined) return;
    truth.comparisons += 1;
    if (verdict === 'unknown') truth.unknown += 1;
    else if (verdict !== outcomeOf(access))
      truth.differences.push(
        `access ${at}, ${keyOf(access.way, access.tracer, access.target)}: ${access.answer} at scope ${log.scope}, said at ${recordedAt.scope}: ${verdict}`,
      );
  });
  return truth;
}
