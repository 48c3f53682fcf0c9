// Every relation of tracer and target × dumpable × declared tracer: the kernel's answers to raw system calls, the
// product's answers in the same process, and the table of rules.ts have to be the same.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNightly } from '../helpers/tier.js';
import { Actor } from './actor.js';
import { type Answer, askFamily, type Cell } from './cell.js';
import { RELATIONS, type Relation } from './relations.js';
import { DECLARED } from './rules.js';
import { kernelName, labScope, requirePowers, scope, scopeName } from './scope.js';

const CELLS: Cell[] = [true, false].flatMap(dumpable => DECLARED.map(declared => ({ dumpable, declared })));
const cellsInTable = RELATIONS.length * CELLS.length;
/** One family says all, one cell after the other; at night there is a family for each. */
const FAMILIES: Cell[][] = isNightly ? CELLS.map(cell => [cell]) : [CELLS];

let actor: Actor;
let turn = 0;
const checked = { cells: new Set<string>(), answers: 0 };

beforeAll(async () => {
  requirePowers();
  actor = await Actor.start();
});
afterAll(() => actor?.stop());

function nameOf(relation: Relation, { dumpable, declared }: Cell) {
  return `${relation.name} · ${dumpable ? 'dumpable' : 'not dumpable'} · declared: ${declared}`;
}

/** A line for each answer that isn't the table's. */
function mismatches(name: string, answers: readonly Answer[]) {
  return answers
    .filter(({ expected, actual }) => actual !== expected.answer)
    .map(
      ({ question, expected, actual }) =>
        `${name} · ${question} answered ${actual}, the rules say ${expected.answer} (${expected.because})`,
    );
}

/** The answers of each cell. */
async function ask(relation: Relation): Promise<Map<Cell, Answer[]>> {
  const said = new Map<Cell, Answer[]>();
  for (const cells of FAMILIES) {
    const answers = await askFamily(actor, relation, cells, scope, turn);
    turn += cells.length;
    for (const [at, cell] of cells.entries()) said.set(cell, answers[at] ?? []);
  }
  return said;
}

it('the running scope is the one that the lab was booted for', () => {
  if (labScope !== null) expect(String(scope)).toBe(labScope);
});

describe.each(RELATIONS)('tracer: $name', relation => {
  let said: Map<Cell, Answer[]>;
  beforeAll(async () => {
    said = await ask(relation);
  });

  it.each([
    ['dumpable', true],
    ['not dumpable', false],
  ] as const)(
    `has exactly the access of the rules at ${scopeName} when the target is %s`,
    (_name, dumpable) => {
      const found: string[] = [];
      for (const [cell, answers] of said) {
        if (cell.dumpable !== dumpable) continue;
        const name = nameOf(relation, cell);
        checked.cells.add(name);
        checked.answers += answers.length;
        found.push(...mismatches(name, answers));
      }
      expect(found).toEqual([]);
    },
  );
});

it('every cell of the table was asked, none was skipped', () => {
  const line = `${scopeName} (${kernelName}): ${checked.cells.size} cells, ${checked.answers} answers checked`;
  const skipped = cellsInTable - checked.cells.size;
  console.log(`${line}, ${skipped} skipped`);
  // A file for each boot: guests run at once.
  const file = process.env.TRACEGATE_CELLS_FILE;
  if (file !== undefined) {
    const { cells, answers } = checked;
    writeFileSync(file, JSON.stringify({ cells: cells.size, answers, skipped }));
  }
  expect(skipped).toBe(0);
  // Nine answers a cell, and two of PR_SET_PTRACER.
  expect(checked.answers).toBe(11 * cellsInTable);
});
