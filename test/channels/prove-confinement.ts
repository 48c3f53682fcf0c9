// The proof of docs/confine.md, for the kernel that it runs on: each way leaks from a program that is not confined; confined, it is
// refused if the launcher's report says that its channel is closed, and leaks as before otherwise.
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { release } from 'node:os';
import { afterAll, describe, it } from 'vitest';
import type { ConfineReport } from '../../lib/confine/report.js';
import { AS_USER, PUBLIC_LAUNCH } from '../helpers/processes.js';
import { CONFINE_WAYS, type ConfineWay } from './confine-ways.js';
import { expectOpen, expectRefused, onVictim } from './prove.js';
import type { Outcome } from './thief.js';
import { Victim, type VictimStart } from './victim.js';

/** One line of docs/confine.md, on one kernel. */
export interface ConfineRow {
  name: string;
  closedBy: string | null;
  note: string | null;
  remedy: string | null;
  before: Outcome;
  after: Outcome;
}

export interface ConfineProof {
  release: string;
  report: ConfineReport;
  rows: ConfineRow[];
}

/** What the launcher reports on this kernel. */
export function confineReport(): ConfineReport {
  const { stdout, stderr } = spawnSync(PUBLIC_LAUNCH, ['--confine', '--report-fd', '1', '--', 'true'], {
    encoding: 'utf8',
    ...AS_USER,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

// The report is asked for elsewhere.
const CONFINED = ['sh', '-c', 'exec "$0" --confine --report-fd 9 -- "$@" 9>/dev/null', PUBLIC_LAUNCH];

/** Victims that no way changes are shared by the ways with the same start, and by no other attacker. */
class Cast {
  readonly #shared = new Map<string, Promise<Victim>>();

  async try(way: ConfineWay, through: readonly string[]): Promise<Outcome> {
    const { start = {}, prepare, endsVictim } = way;
    if (prepare === undefined && !endsVictim) return way.attempt(await this.#sharedVictim(start, through));
    return onVictim(start, async victim => {
      victim.through = through;
      await prepare?.(victim);
      return way.attempt(victim);
    });
  }

  #sharedVictim(start: VictimStart, through: readonly string[]): Promise<Victim> {
    const key = JSON.stringify([start, through]);
    const begin = async () => Object.assign(await Victim.start(start), { through });
    const victim = this.#shared.get(key) ?? begin();
    this.#shared.set(key, victim);
    return victim;
  }

  async end(): Promise<void> {
    for (const victim of this.#shared.values()) await (await victim)[Symbol.asyncDispose]();
  }
}

const rowOf = (way: ConfineWay, before: Outcome, after: Outcome): ConfineRow => ({
  name: way.name,
  closedBy: way.closedBy,
  note: way.note ?? null,
  remedy: way.remedy ?? null,
  before,
  after,
});

async function tryWay(cast: Cast, way: ConfineWay, report: ConfineReport): Promise<ConfineRow> {
  const { closedBy, brings } = way;
  const before = await cast.try(way, []);
  if (way.isOptional && before.state === 'absent') return rowOf(way, before, before);
  const after = await cast.try(way, CONFINED);
  const isClosed = closedBy !== null && report.closed.includes(closedBy);
  return rowOf(way, expectOpen(brings, before), isClosed ? expectRefused(after) : expectOpen(brings, after));
}

/** @param leftOut why a program around another of the ways isn't tried here */
export function proveConfinement(leftOut: string | null = null): void {
  const proof: ConfineProof = { release: release(), report: confineReport(), rows: [] };
  const cast = new Cast();
  afterAll(async () => {
    await cast.end();
    const file = process.env.TRACEGATE_CONFINE_FILE;
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(proof)}\n`);
  });

  describe.each([...new Set(CONFINE_WAYS.map(({ closedBy }) => closedBy))])('closed by %s', closedBy => {
    for (const way of CONFINE_WAYS.filter(found => found.closedBy === closedBy)) {
      const missing = (way.isProgram ? leftOut : null) ?? way.missing?.() ?? null;
      it(missing === null ? way.name : `${way.name}: not here, ${missing}`, async () => {
        const absent: Outcome = { state: 'absent', why: missing ?? '' };
        proof.rows.push(
          missing === null ? await tryWay(cast, way, proof.report) : rowOf(way, absent, absent),
        );
      });
    }
  });
}
