// @ts-check
// Runs the scope suite in a lab and counts what it reports.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { onProcessor } from '../../lab-host/processor.mjs';
import { runBeside } from '../run-beside.mjs';
import { buildSuite, labCommand, partsOf } from './lab-suite.mjs';

/** @typedef {{ kernel: string, scopes: readonly number[], files?: readonly string[] }} Run all files, if left out */

export class ScopeSuite {
  #program;
  #reports;

  /** @param {string} reports a directory */
  static async build(reports) {
    return new ScopeSuite(await buildSuite(), reports);
  }

  /** @param {string} program @param {string} reports */
  constructor(program, reports) {
    this.#program = program;
    this.#reports = reports;
  }

  /** @param {Run} run @param {import('../totals.mjs').Totals} totals @param {Record<string, string>} [environment] */
  async run({ kernel, scopes, files }, totals, environment = {}) {
    const isWhole = files === undefined && environment.TRACEGATE_TESTS === undefined;
    const parts = files === undefined ? partsOf(kernel) : [files];
    const directories = parts.map((_, at) =>
      join(this.#reports, parts.length > 1 ? `${kernel}-${at + 1}` : kernel),
    );
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
    const env = { ...process.env, ...environment };
    await Promise.all(
      parts.map(async (part, at) => {
        const reports = directories[at] ?? '';
        const title = basename(reports);
        const lab = labCommand(this.#program, { kernel, scopes, files: part, reports });
        const command = parts.length > 1 ? [...onProcessor(at), ...lab] : lab;
        const { isGood } = await runBeside(title, command, { env });
        const before = totals.failures.length;
        for (const scope of scopes)
          totals.addReport(`ptrace_scope ${scope} in ${kernel}`, join(reports, `${scope}.json`), true);
        if (!isGood && totals.failures.length === before)
          totals.failures.push(`${title}: failed without a failed test`);
      }),
    );
    if (isWhole) for (const scope of scopes) countCells(kernel, scope, directories, totals);
  }
}

/** @param {string} kernel @param {number} scope @param {string[]} directories @param {import('../totals.mjs').Totals} totals */
function countCells(kernel, scope, directories, totals) {
  const file = directories.map(directory => join(directory, `cells-${scope}.json`)).find(existsSync);
  const cells = file && JSON.parse(readFileSync(file, 'utf8'));
  if (!cells) totals.failures.push(`ptrace_scope ${scope} in ${kernel}: no cells were checked`);
  const found = cells && `${cells.cells} cells, ${cells.answers} answers checked, ${cells.skipped} skipped`;
  console.log(`ptrace_scope ${scope} (${kernel}): ${found ?? 'NOT CHECKED'}`);
}
