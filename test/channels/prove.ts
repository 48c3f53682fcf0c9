// The proof, for the kernel and the scope that it runs at: what leaks before denyTracing(), and that nothing does after.
import { appendFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { DenyOptions } from '../../lib/index.js';
import { drawnElsewhere } from '../scopes/scope.js';
import { OPEN_BY_NATURE } from './by-nature.js';
import type { Outcome } from './thief.js';
import { Victim, type VictimStart } from './victim.js';
import { WAYS, type Way } from './ways.js';

/** One line of docs/channels.md, at one kernel and scope. */
export interface Row {
  name: string;
  closedBy: string;
  /** The evidence of success, if that is no secret. */
  note: string | null;
  before: Outcome;
  after: Outcome;
}

export interface Proof {
  /** null: no Yama. */
  scope: number | null;
  rows: Row[];
  byNature: { name: string; outcome: Outcome; saidIn: string }[];
}

/** Of so many starts, in how many another of its uid read the app's environment: test/integration/starts.test.ts. */
export interface Starts {
  by: string;
  count: number;
  read: number;
}

/** One victim, one attempt: it has ended when the next begins, as its port and its files have. */
export async function onVictim<T>(start: VictimStart, use: (victim: Victim) => Promise<T>): Promise<T> {
  const victim = await Victim.start(start);
  try {
    return await use(victim);
  } finally {
    await victim[Symbol.asyncDispose]();
  }
}

/** The result must have at least the expected secrets. Further copies, found by chance, don't count. */
export function expectOpen(brings: Way['brings'], outcome: Outcome): Outcome {
  if (brings === 'opens') {
    expect(outcome).toEqual({ state: 'opens' });
    return outcome;
  }
  expect(outcome).toEqual({ state: 'leaks', places: expect.arrayContaining(brings) });
  return { state: 'leaks', places: brings };
}

export function expectRefused(outcome: Outcome): Outcome {
  expect(outcome).toEqual({ state: 'refused', by: expect.any(String) });
  return outcome;
}

/** The ways that Yama refuses: Yama filters attaches, and nothing else. */
function expectBefore({ by, brings }: Way, scope: number | null, outcome: Outcome): Outcome {
  const isYamas = by === 'attach' && scope !== null && scope > 0;
  return isYamas ? expectRefused(outcome) : expectOpen(brings, outcome);
}

const rowOf = ({ name, closedBy, note }: Way, before: Outcome, after: Outcome): Row => ({
  name,
  closedBy,
  note: note ?? null,
  before,
  after,
});

/** The victims of a suite. Ways that don't end the victim share one that was started and denied in the same manner. */
class Cast {
  readonly #shared = new Map<string, Promise<Victim>>();

  /** Tries a way after denyTracing() with these options, or (null) without. */
  async try(way: Way, options: DenyOptions | null): Promise<Outcome> {
    if (way.prepare !== undefined || way.endsVictim)
      return onVictim(way.start ?? {}, victim => this.#enter(victim, way, options));
    const victim = await this.shared(way.start, options);
    const outcome = await way.attempt(victim);
    // A signal that Node heard before has not become one that ends the program.
    if (options !== null && way.closedBy !== 'dumpable') expect(await victim.settled()).toBe('runs');
    return outcome;
  }

  shared(start: VictimStart | undefined, options: DenyOptions | null): Promise<Victim> {
    const key = JSON.stringify([start ?? {}, options]);
    const victim = this.#shared.get(key) ?? this.#start(start ?? {}, options);
    this.#shared.set(key, victim);
    return victim;
  }

  async #enter(victim: Victim, way: Way, options: DenyOptions | null): Promise<Outcome> {
    await way.prepare?.(victim);
    await deny(victim, options);
    return way.attempt(victim);
  }

  async #start(start: VictimStart, options: DenyOptions | null): Promise<Victim> {
    const victim = await Victim.start(start);
    await deny(victim, options);
    return victim;
  }

  async end(): Promise<void> {
    for (const victim of this.#shared.values()) await (await victim)[Symbol.asyncDispose]();
  }
}

async function deny(victim: Victim, options: DenyOptions | null): Promise<void> {
  if (options === null) return;
  const { open } = await victim.deny(options);
  const left = Object.keys(options.channels ?? {});
  // Other processes may raise the limit on core dumps of a process that stays dumpable.
  const raisable = left.includes('dumpable') ? ['core-dumps'] : [];
  // Others of this suite's victims are closed to it.
  const found = open.filter(({ why }) => !/could not be looked into/.test(why));
  expect(found.map(({ channel }) => channel)).toEqual([...left, ...raisable]);
}

async function tryWay(cast: Cast, way: Way, scope: number | null, isThorough: boolean): Promise<Row> {
  const before = await cast.try(way, null);
  if (way.isOptional && before.state === 'absent') return rowOf(way, before, before);
  const expected = expectBefore(way, scope, before);
  const after = expectRefused(await cast.try(way, {}));
  if (isThorough) {
    // So it is this that closes it.
    const without = { channels: { [way.closedBy]: false }, verify: false };
    expectBefore(way, scope, await cast.try(way, without));
  }
  return rowOf(way, expected, after);
}

const FILE = process.env.TRACEGATE_CHANNELS_FILE;

/** What Yama has no part in, or answers to another way too, is tried at one scope. docs/channels.md has it at each. */
const elsewhere = (isAlike: boolean) => (isAlike && FILE === undefined ? drawnElsewhere : null);

/** @param isThorough also shows that the named channel closes the way */
export function proveChannels(scope: number | null, isThorough: boolean): void {
  const proof: Proof = { scope, rows: [], byNature: [] };
  const cast = new Cast();
  afterAll(async () => {
    await cast.end();
    if (FILE !== undefined) appendFileSync(FILE, `${JSON.stringify(proof)}\n`);
  });

  describe('denyTracing() closes', () => {
    for (const way of WAYS) {
      const where = elsewhere(['signal', 'file'].includes(way.by) || way.isProgram === true);
      if (where !== null) {
        it.skip(`${way.name}: ${where}`, () => {});
        continue;
      }
      const missing = way.missing?.() ?? null;
      it(missing === null ? way.name : `${way.name}: not here, ${missing}`, async () => {
        const absent: Outcome = { state: 'absent', why: missing ?? '' };
        proof.rows.push(
          missing === null ? await tryWay(cast, way, scope, isThorough) : rowOf(way, absent, absent),
        );
      });
    }
  });

  describe('the report names what stays open', () => {
    for (const way of OPEN_BY_NATURE) {
      const { name, brings, start, isOpenedBefore = false, isYamas = false, missing, said } = way;
      const { saidIn, attempt } = way;
      if ((missing?.() ?? null) !== null) continue;
      const where = elsewhere(isOpenedBefore && !isYamas);
      if (where !== null) {
        it.skip(`${name}: ${where}`, () => {});
        continue;
      }
      it(name, async () => {
        const prove = async (victim: Victim) => {
          const { outcome, text } = await attempt(victim);
          const isRefused = isYamas && scope !== null && scope > 0;
          const found = isRefused ? expectRefused(outcome) : expectOpen(brings, outcome);
          if (!isRefused) expect(text).toMatch(said);
          proof.byNature.push({ name, outcome: found, saidIn });
        };
        await (isOpenedBefore ? onVictim(start ?? {}, prove) : prove(await cast.shared({}, {})));
      });
    }
  });
}
