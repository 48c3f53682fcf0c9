// @ts-check
// Runs the scope suite in a lab and counts what it reports.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runBeside } from '../run-beside.mjs';
import { buildSuite, labCommand } from './lab-suite.mjs';

/** @typedef {Omit<import('./lab-suite.mjs').LabRun, 'reports'>} Run */

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
  async run(run, totals, environment = {}) {
    const { kernel, scopes } = run;
    const reports = join(this.#reports, kernel);
    rmSync(reports, { recursive: true, force: true });
    const command = labCommand(this.#program, { ...run, reports });
    const { isGood } = await runBeside(kernel, command, { env: { ...process.env, ...environment } });
    const wereGood = totals.failures.length;
    for (const scope of scopes)
      totals.addReport(`ptrace_scope ${scope} in ${kernel}`, join(reports, `${scope}.json`), true);
    if (!isGood && totals.failures.length === wereGood)
      totals.failures.push(`${kernel}: failed without a failed test`);
    if (run.files === undefined && environment.TRACEGATE_TESTS === undefined) this.#countCells(run, totals);
  }

  /** @param {Run} run @param {import('../totals.mjs').Totals} totals */
  #countCells({ kernel, scopes }, totals) {
    for (const scope of scopes) {
      const file = join(this.#reports, kernel, `cells-${scope}.json`);
      const cells = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
      if (cells === undefined)
        totals.failures.push(`ptrace_scope ${scope} in ${kernel}: no cells were checked`);
      const found =
        cells && `${cells.cells} cells, ${cells.answers} answers checked, ${cells.skipped} skipped`;
      console.log(`ptrace_scope ${scope} (${kernel}): ${found ?? 'NOT CHECKED'}`);
    }
  }
}
