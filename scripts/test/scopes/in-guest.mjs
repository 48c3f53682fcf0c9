// @ts-check
// Runs the scope suite in one process: `node in-guest.mjs DIRECTORY [FILE…]` runs these test files, or all, one after
// the other, prints a line for each test, and writes what vitest's JSON reporter would write to DIRECTORY/SCOPE.json.
// scripts/test/scopes/bundle.mjs makes one program of it and the tests.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTests } from '@vitest/runner';
import { load, names } from 'suite-files';
import { watch } from '../../../test/helpers/watchdog.mjs';

const [, , directory = '', ...asked] = process.argv;
const scope = process.env.TRACEGATE_SCOPE;
mkdirSync(directory, { recursive: true });
process.env.TRACEGATE_CELLS_FILE = join(directory, `cells-${scope}.json`);
const pattern = process.env.TRACEGATE_TESTS;

/** @typedef {import('@vitest/runner').Task} Task @typedef {import('@vitest/runner').Suite} Suite @typedef {import('@vitest/runner').Test} Test */

/** @param {Task} task @returns {string} */
const nameOf = task => [...(task.suite ? [nameOf(task.suite)] : []), task.name].join(' ');

/** @param {Task} task @returns {string} */
const errorsOf = ({ result }) =>
  (result?.errors ?? []).map(({ stack, message }) => stack ?? message).join('\n');

/** @type {Partial<Record<string, string>>} */
const STATES = { pass: 'passed', fail: 'failed' };
/** @param {Test} test */
const statusOf = test => STATES[test.result?.state ?? ''] ?? 'pending';

/** @param {Suite} suite @returns {Test[]} */
const testsOf = suite => suite.tasks.flatMap(task => (task.type === 'suite' ? testsOf(task) : [task]));

/** @param {Suite} suite @returns {string[]} a hook that failed, or a file that could not be loaded */
const suiteErrors = suite => [
  ...(suite.result?.errors?.length ? [`${suite.name}: ${errorsOf(suite)}`] : []),
  ...suite.tasks.flatMap(task => (task.type === 'suite' ? suiteErrors(task) : [])),
];

/** @param {string} file @param {Suite} suite */
function resultOf(file, suite) {
  const tests = testsOf(suite);
  const message = suiteErrors(suite).join('\n');
  const isFailed = message !== '' || tests.some(test => statusOf(test) === 'failed');
  return {
    name: `test/scopes/${file}.test.ts`,
    status: isFailed ? 'failed' : 'passed',
    message,
    seconds: (suite.result?.duration ?? 0) / 1000,
    assertionResults: tests.map(test => ({
      fullName: nameOf(test),
      status: statusOf(test),
      duration: test.result?.duration ?? 0,
      failureMessages: statusOf(test) === 'failed' ? [errorsOf(test)] : [],
    })),
  };
}

/** @type {import('@vitest/runner').VitestRunner} */
const runner = {
  config: {
    root: process.cwd(),
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: pattern === undefined ? undefined : new RegExp(pattern),
    allowOnly: false,
    sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: { truncateThreshold: 0 },
    maxConcurrency: 1,
    // Each file has its own time limit, and the lab has a time limit for a whole scope.
    testTimeout: 0,
    hookTimeout: 0,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  pool: 'forks',
  importFile: load,
  onBeforeRunTask: test => watchdog?.enter(nameOf(test)),
  onAfterRunTask: test => {
    const milliseconds = Math.round(test.result?.duration ?? 0);
    console.log(`${statusOf(test).padEnd(7)} ${nameOf(test)} (${milliseconds} ms)`);
    if (statusOf(test) === 'failed') console.log(errorsOf(test).replace(/^/gm, '    '));
  },
};

/** The results of `*.once` files don't depend on the scope, so only the first of several scopes runs these files. */
const isForHere = (/** @type {string} */ file) =>
  !file.endsWith('.once') || scope === (process.env.TRACEGATE_ONCE_AT ?? scope);
const files = (asked.length > 0 ? asked : names).filter(isForHere);
const suites = [];
/** @type {ReturnType<typeof watch> | undefined} */
let watchdog;
for (const file of files) {
  watchdog = watch(file);
  const begin = performance.now();
  const [suite] = await startTests([file], runner);
  await watchdog.end();
  if (suite === undefined) throw new Error(`${file}: no suite`);
  suites.push(resultOf(file, suite));
  console.log(`${((performance.now() - begin) / 1000).toFixed(1)} s  ${file}\n`);
}
const results = suites.flatMap(({ assertionResults }) => assertionResults);
/** @param {string} status */
const count = status => results.filter(result => result.status === status).length;
for (const { name, message } of suites.filter(suite => suite.message !== ''))
  console.log(`${name}\n${message}`);
const numPassedTests = count('passed');
const numPendingTests = count('pending');
writeFileSync(
  join(directory, `${scope}.json`),
  JSON.stringify({ numPassedTests, numPendingTests, numTodoTests: 0, testResults: suites }),
);
process.exit(suites.every(({ status }) => status === 'passed') ? 0 : 1);
