// @ts-check
// npm run bench:tests [-- --last] [--write]: shows where `npm test` spends its time: the steps, each test file on this
// kernel, and each file of the scope suite at each scope. `--last` prints the table of the last run, and runs nothing.
// `--write` writes docs/tests.md too.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { last: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } },
});
const root = join(import.meta.dirname, '..', '..');
const reports = join(root, 'build', 'reports');

/** @param {string} name */
const read = name => JSON.parse(readFileSync(join(reports, name), 'utf8'));

/** @typedef {{ name: string, seconds: number[], tests: number, about: string }} Row */

/** The path of a test file, as docs/tests.md names it. @param {string} path */
const nameOf = path => relative(join(root, 'test'), path);

/** What docs/tests.md says of them. @type {string[]} */
const sections = [];

/** The description of a file: the first sentence of the comment at its beginning. @param {string} path */
function aboutOf(path) {
  const [comment = ''] = /^(?:(?:\/\/[^\n]*\n)+|\/\*.*?\*\/)/s.exec(readFileSync(path, 'utf8')) ?? [];
  const text = comment
    .replaceAll(/^ ?(?:\/\/|\/\*|\*\/|\*) ?/gm, '')
    .replaceAll('\n', ' ')
    .trim();
  const [sentence] = /^.*?\.(?= |$)/.exec(text) ?? [text];
  return sentence.replaceAll('|', '\\|').replace(/\.$/, '');
}

/**
 * @param {string} title @param {readonly [name: string, ...figures: string[]]} columns @param {readonly Row[]} rows
 * @param {string} [note]
 */
function print(title, [what, ...columns], rows, note) {
  const total = (/** @type {Row} */ row) => row.seconds.reduce((sum, each) => sum + each, 0);
  const cell = (/** @type {number} */ number) => number.toFixed(1).padStart(8);
  console.log(`\n${title.padEnd(44)} ${columns.map(column => column.padStart(8)).join('')}   tests`);
  for (const { name, seconds, tests } of rows.toSorted((a, b) => total(b) - total(a)))
    console.log(`${name.padEnd(44)} ${seconds.map(cell).join('')}  ${String(tests).padStart(6)}`);
  const hasTests = rows.some(row => row.tests > 0);
  const head = [what, ...(hasTests ? ['what it tests', 'tests'] : []), ...columns];
  const table = rows
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(row => [
      row.name,
      ...(hasTests ? [row.about, row.tests] : []),
      ...row.seconds.map(each => each.toFixed(1)),
    ]);
  const lines = [head, head.map(() => '---'), ...table].map(cells => `| ${cells.join(' | ')} |`);
  sections.push([`## ${title}`, ...(note === undefined ? [] : [note]), lines.join('\n')].join('\n\n'));
  const sums = columns.map((_, at) => rows.reduce((sum, { seconds }) => sum + (seconds[at] ?? 0), 0));
  const tests = rows.reduce((sum, row) => sum + row.tests, 0);
  console.log(`${'all'.padEnd(44)} ${sums.map(cell).join('')}  ${String(tests).padStart(6)}`);
}

if (!values.last) {
  const { status } = spawnSync('npm', ['test'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
if (!existsSync(join(reports, 'steps.json'))) {
  console.error('bench:tests: no run has left its reports in build/reports: leave --last out');
  process.exit(3);
}

const steps = Object.entries(read('steps.json')).map(([name, seconds]) => ({
  name,
  seconds: [seconds],
  tests: 0,
  about: '',
}));
print('Steps', ['step', 'seconds'], steps, 'After the build, some steps run at the same time.');

/** @type {{ name: string, startTime: number, endTime: number, assertionResults: unknown[] }[]} */
const here = read('here.json').testResults;
print(
  'Test files on this kernel',
  ['file in test/', 'seconds'],
  here.map(({ name, startTime, endTime, assertionResults }) => ({
    name: nameOf(name),
    seconds: [(endTime - startTime) / 1000],
    tests: assertionResults.length,
    about: aboutOf(name),
  })),
);

const guests = readdirSync(reports).filter(name => name.startsWith('uml'));
const SCOPES = [0, 1, 2, 3];
/** @type {Map<string, Row>} */
const files = new Map();
for (const guest of guests) {
  for (const scope of SCOPES) {
    for (const { name, seconds, assertionResults } of read(join(guest, `${scope}.json`)).testResults) {
      const row = files.get(name) ?? {
        name: nameOf(join(root, name)),
        seconds: SCOPES.map(() => 0),
        tests: 0,
        about: aboutOf(join(root, name)),
      };
      row.seconds[scope] = seconds;
      row.tests += assertionResults.length;
      files.set(name, row);
    }
  }
}
print(
  'Test files in the uml lab',
  ['file in test/', ...SCOPES.map(scope => `scope ${scope}`)],
  [...files.values()],
  'Seconds at each ptrace_scope. A file with 0.0 has no tests to run at that scope.',
);

if (values.write) {
  const title = '# What each test file tests, and how long it takes';
  const how = `Written by \`npm run bench:tests -- --write\`, from one run of \`npm test\`. The description of a file is the first sentence of
the comment at its beginning. The files run in parallel on two processors. So compare the figures with each other, and not with those
of another machine.`;
  writeFileSync(join(root, 'docs', 'tests.md'), `${[title, how, ...sections].join('\n\n')}\n`);
}
