// @ts-check
// Prints the end of a run of several suites: each failure by name once more, because the log is long, and the line `N
// passed, N failed, N skipped`.
import { existsSync, readFileSync } from 'node:fs';

/** @typedef {{ status: string, fullName: string, failureMessages: string[], tags?: string[] }} Test */
/** @typedef {{ name: string, status: string, message: string, assertionResults: Test[] }} TestFile */

/** A failed assertion prints both values whole; its start says which they are. */
const MESSAGE_LINES = 12;

export class Totals {
  passed = 0;
  /** @type {string[]} a name says why */
  skipped = [];
  /** @type {string[]} */
  failures = [];

  /**
   * Counts what vitest's JSON report says. A run without a report, or that failed without a failed test, is a failure.
   *
   * @param {string} title @param {string} file @param {boolean} isGood
   * @param {string} [tag] the tests of this run: the others don't count as skipped, because another run has them
   */
  addReport(title, file, isGood, tag) {
    if (!existsSync(file)) {
      this.failures.push(`${title}: ended without a report`);
      return;
    }
    const report = JSON.parse(readFileSync(file, 'utf8'));
    /** @type {TestFile[]} */
    const files = report.testResults;
    const asked = files
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(test => tag === undefined || test.tags?.includes(tag));
    this.passed += asked.filter(({ status }) => status === 'passed').length;
    const skipped = asked.filter(({ status }) => !['passed', 'failed'].includes(status));
    this.skipped.push(...skipped.map(({ fullName }) => `${title}: ${fullName}`));
    const failures = files.flatMap(failuresOf).map(failure => `${title}: ${failure}`);
    if (!isGood && failures.length === 0) failures.push(`${title}: failed without a failed test`);
    this.failures.push(...failures);
  }

  close() {
    for (const skipped of this.skipped) console.log(`skipped ${skipped}`);
    for (const failure of this.failures) console.log(`\nFAILED ${failure}`);
    console.log(`\n${this.passed} passed, ${this.failures.length} failed, ${this.skipped.length} skipped`);
    process.exitCode = this.failures.length === 0 && this.passed > 0 ? 0 : 1;
  }
}

/** A file that could not be run has a message and no tests. @param {TestFile} file */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults
    .filter(test => test.status === 'failed')
    .map(test => `${test.fullName}\n${startOf(test.failureMessages.join('\n'))}`);
  return status === 'failed' && failed.length === 0 ? [`${name}\n${startOf(message)}`] : failed;
}

/** @param {string} text */
const startOf = text =>
  text
    .split('\n')
    .slice(0, MESSAGE_LINES)
    .map(line => `    ${line}`)
    .join('\n');
