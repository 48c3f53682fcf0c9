// Populations until so many ordered pairs were asked about; of a difference, its smallest reproduction.

import { commandsOf } from './commands.js';
import {
  type Comparison,
  type Difference,
  noCounts,
  noUnknown,
  TRACERS,
  type TracerKind,
  type Unknown,
  VIEWS,
} from './compare.js';
import { generatePopulation } from './generate.js';
import { confine } from './generate-confinement.js';
import { hidingOf, type Laboratory } from './laboratory.js';
import { type Population, processOf } from './population.js';
import { Random } from './random.js';
import { shrink } from './shrink.js';

export interface Settings {
  readonly seed: number;
  /** Ordered pairs, at least. */
  readonly count: number;
}

export interface Totals {
  pairs: number;
  comparisons: Record<TracerKind, number>;
  refusedUnseen: number;
  populations: number;
  differences: number;
  unknown: Unknown;
  decidedBy: Record<string, number>;
  /** Of the first differences. */
  reproductions: string[];
}

/** What makes a difference again: `--replay` takes it. */
export interface Replay {
  readonly population: Population;
  readonly seed: number;
  readonly tracer: string;
  readonly target: string;
}

const MOST_REPRODUCTIONS = 5;

/** A seed for each population of a run. */
const seedOf = (seed: number, at: number) => new Random(seed, 'population', at).next();

const inLine = (value: unknown) => JSON.stringify(value);

const isSame = (a: Difference, b: Difference) =>
  a.tracer.name === b.tracer.name &&
  a.target.name === b.target.name &&
  a.mode === b.mode &&
  a.view === b.view;

function said(difference: Difference): string[] {
  if (difference.view === 'probe') return [`  the probe in the tracer says ${inLine(difference.probe)}`];
  const { verdict, facts } = difference;
  return [
    `  the model says ${verdict.verdict}, decided by ${verdict.decidedBy}; undetectable: ${verdict.undetectable.join(', ')}`,
    `  facts of the tracer  ${inLine(facts.tracer)}`,
    `  facts of the target  ${inLine(facts.target)}`,
    ...verdict.steps.map(({ rule, outcome, because }) => `  step ${rule}: ${outcome}: ${because}`),
  ];
}

function kindOf(difference: Difference): string {
  const { mode, kernel, view } = difference;
  if (kernel.is === 'odd') return `${mode}, ${kernel.text}`;
  return view === 'probe' ? `${mode}, ${view}` : `${mode}, ${view}, ${difference.verdict.decidedBy}`;
}

function tell(replay: Replay, difference: Difference, where: string, title: string): string {
  const { tracer, target, mode, view, kernel } = difference;
  const spec = (name: string) => inLine(processOf(replay.population, name) ?? name);
  const seenBy = view === 'user, hidden' ? `${view} (${hidingOf(replay.seed)})` : view;
  return [
    `DIFFERENCE ${title}`,
    `${mode}: ${tracer.name} (pid ${tracer.pid}) of ${target.name} (pid ${target.pid}), as seen by ${seenBy}`,
    `  the kernel answered ${kernel.is} (${kernel.text})`,
    `  tracer   ${spec(tracer.name)}`,
    `  target   ${spec(target.name)}`,
    ...said(difference),
    '  the whole population, as commands to build/test/actor:',
    ...commandsOf(replay.population).map(line => `    ${line}`),
    `  again: npm run test:differential -- ${where} --replay '${inLine(replay)}'`,
  ].join('\n');
}

async function reproduce(
  laboratory: Laboratory,
  population: Population,
  seed: number,
  difference: Difference,
  where: string,
  title: string,
): Promise<string> {
  const only = { tracer: difference.tracer.name, target: difference.target.name };
  let last = difference;
  const smallest = await shrink(population, [only.tracer, only.target], async smaller => {
    const { differences } = await laboratory.run(smaller, seed, only);
    const again = differences.find(each => isSame(each, difference));
    if (again !== undefined) last = again;
    return again !== undefined;
  });
  return tell({ population: smallest, seed, ...only }, last, where, title);
}

function add(
  totals: Totals,
  { pairs, comparisons, differences, unknown, refusedUnseen, decidedBy }: Comparison & { pairs: number },
) {
  totals.populations += 1;
  totals.pairs += pairs;
  totals.differences += differences.length;
  totals.refusedUnseen += refusedUnseen;
  for (const kind of TRACERS) {
    totals.comparisons[kind] += comparisons[kind];
    for (const view of VIEWS) totals.unknown[view][kind] += unknown[view][kind];
  }
  for (const [decision, times] of Object.entries(decidedBy)) {
    totals.decidedBy[decision] = (totals.decidedBy[decision] ?? 0) + times;
  }
}

const nothingYet = (): Totals => ({
  pairs: 0,
  comparisons: noCounts(),
  refusedUnseen: 0,
  populations: 0,
  differences: 0,
  unknown: noUnknown(),
  decidedBy: {},
  reproductions: [],
});

/** `where`: the options of the command that runs it on this kernel. */
export async function runDifferential(
  laboratory: Laboratory,
  { seed, count }: Settings,
  where: string,
): Promise<Totals> {
  const totals = nothingYet();
  for (let at = 0; totals.pairs < count; at++) {
    const own = seedOf(seed, at);
    const population = confine(new Random(own, 'confinement'), generatePopulation(new Random(own)));
    const run = await laboratory.run(population, own);
    add(totals, run);
    const title = `with seed ${seed}, population ${at + 1}`;
    if (run.isTouched)
      totals.reproductions.push(`TOUCHED ${title}: the questions changed a process of the population`);
    // One of each kind is enough to read.
    const kinds = new Map(run.differences.map(each => [kindOf(each), each]));
    for (const difference of kinds.values()) {
      if (totals.reproductions.length >= MOST_REPRODUCTIONS) break;
      totals.reproductions.push(await reproduce(laboratory, population, own, difference, where, title));
    }
  }
  return totals;
}

export async function replayDifferential(
  laboratory: Laboratory,
  replay: Replay,
  where: string,
): Promise<Totals> {
  const totals = nothingYet();
  const run = await laboratory.run(replay.population, replay.seed, replay);
  add(totals, run);
  totals.reproductions.push(
    ...run.differences.map(difference => tell(replay, difference, where, 'of a replay')),
  );
  return totals;
}
