// Every relation of tracer and target × dumpable × declared tracer: the kernel's answers to raw system calls, the
// product's answers in the same process, and the table of rules.ts have to be the same.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Actor } from './actor.js';
import { type Answer, askCell, type Cell } from './cell.js';
import { RELATIONS } from './relations.js';
import { DECLARED } from './rules.js';
import { kernelName, labScope, requirePowers, scope, scopeName } from './scope.js';

const DUMPABLE = [true, false];
const cellsInTable = RELATIONS.length * DUMPABLE.length * DECLARED.length;

let actor: Actor;
let turn = 0;
const checked = { cells: new Set<string>(), answers: 0 };

beforeAll(async () => {
  requirePowers();
  actor = await Actor.start();
});
afterAll(() => actor?.stop());

function nameOf({ relation, dumpable, declared }: Cell) {
  return `${relation.name} · ${dumpable ? 'dumpable' : 'not dumpable'} · declared: ${declared}`;
}

/** A line for each answer that isn't the table's. */
function mismatches(cell: Cell, answers: readonly Answer[]) {
  return answers
    .filter(({ expected, actual }) => actual !== expected.answer)
    .map(
      ({ question, expected, actual }) =>
        `${nameOf(cell)} · ${question} answered ${actual}, the rules say ${expected.answer} (${expected.because})`,
    );
}

async function check(cell: Cell) {
  const answers = await askCell(actor, cell, scope, turn++);
  checked.cells.add(nameOf(cell));
  checked.answers += answers.length;
  return mismatches(cell, answers);
}

it('the running scope is the one that the lab was booted for', () => {
  if (labScope !== null) expect(String(scope)).toBe(labScope);
});

describe.each(RELATIONS)('tracer: $name', relation => {
  it.each([
    ['dumpable', true],
    ['not dumpable', false],
  ] as const)(`may what the rules say at ${scopeName} when the target is %s`, async (_name, dumpable) => {
    const found: string[] = [];
    for (const declared of DECLARED) found.push(...(await check({ relation, dumpable, declared })));
    expect(found).toEqual([]);
  });
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
  // Nine answers a cell, and one for PR_SET_PTRACER where something is declared.
  const declarations = (cellsInTable / DECLARED.length) * (DECLARED.length - 1);
  expect(checked.answers).toBe(9 * cellsInTable + declarations);
});
