// @ts-check
// The tables of figures in docs/: each is between `<!-- figures: NAME -->` and `<!-- /figures -->`. The script that measures it
// prints it, and writes it with --write. test/unit/figures.test.ts compares the pages with the formats here.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * @typedef {object} Table
 * @property {string} page
 * @property {string} command the command that measures it
 * @property {string[]} head
 * @property {string[]} rows the first cell of each row
 */

/** @type {Record<string, Table>} */
export const TABLES = {
  start: {
    page: 'docs/install.md',
    command: 'node scripts/bench/start.mjs --write',
    head: ['Node process', 'median, ms', 'divided by the first'],
    rows: [
      '`node -e 0`',
      'an empty ES module',
      '`import { denyTracing }`',
      'the same, and `denyTracing({ verify: false })`',
      '`tracegate --help`',
      '`tracegate status PID`',
      '`tracegate probe PID`',
      '`tracegate explain PID`',
      '`tracegate audit`',
    ],
  },
  install: {
    page: 'docs/install.md',
    command: 'node scripts/test/install.mjs --write',
    head: [
      'package manager',
      'prebuilt',
      'from source, without the compilation',
      'no compiler',
      'scripts off',
      'path with a space and a parenthesis',
      'workspace',
      'packages',
      'MB',
    ],
    rows: ['npm 10', 'npm 11', 'pnpm', 'Yarn 1', 'Yarn 4', 'Bun'],
  },
  map: {
    page: 'docs/map.md',
    command: 'node scripts/bench/map.mjs --write',
    head: [
      'processes',
      'classes',
      'file, MB',
      'reading, ms',
      'map, ms',
      'reading and map, ms',
      'reach from a shell at scope 0, ms',
      'reach from process 1 at scope 1, ms',
      'peak memory, MiB',
    ],
    rows: ['1000', '4000', '16000', '64000', 'growth exponent'],
  },
  scan: {
    page: 'docs/map.md',
    command: 'node scripts/bench/scan.mjs --write',
    head: [
      'reading 5,000 processes',
      'median, ms',
      'divided by the time of C',
      'time of ps, divided by this',
    ],
    rows: [
      'the same files in C, one after another',
      '`observe()`, the first call of a process',
      '`observe()`, warm',
      "`observe()` with Node's start",
      '`ps -e -o pid,ppid,user,label,args`',
    ],
  },
  rehearse: {
    page: 'docs/rehearse.md',
    command: 'node scripts/bench/rehearse.mjs --write',
    head: [
      'events',
      'file, MB',
      'seconds',
      'events a second',
      'CPU time an event, divided by the first row',
      'peak memory, MiB',
    ],
    rows: ['1,000,000', '3,000,000', '10,000,000', '10,000,000, packed by gzip'],
  },
  'map-page': {
    page: 'docs/map.md',
    command: 'node scripts/bench/map-page.mjs --write',
    head: ['action', 'median, ms', 'longest, ms'],
    rows: [
      'the page, opened and drawn',
      'an empty page',
      'a click on a process',
      'a click on a circle',
      'a search',
      'a new scope',
    ],
  },
  watch: {
    page: 'docs/watch.md',
    command: 'node scripts/bench/watch.mjs --write',
    head: [
      'kernel, source, and attaches in a second',
      'attaches',
      'reported',
      'ends reported',
      'lost',
      'CPU time, of one core',
    ],
    rows: [
      'this machine, process connector, 100',
      'this machine, process connector, 1000',
      'this machine, `tracegate watch --out FILE`, 100',
      'this machine, `tracegate watch --out FILE`, 1000',
      "Debian's 6.1 in QEMU, process connector, 100",
      "Debian's 6.1 in QEMU, process connector, 1000",
      "Debian's 6.1 in QEMU, BPF, 100",
      "Debian's 6.1 in QEMU, BPF, 1000",
      "Debian's 6.12 in QEMU, process connector, 100",
      "Debian's 6.12 in QEMU, process connector, 1000",
      "Debian's 6.12 in QEMU, BPF, 100",
      "Debian's 6.12 in QEMU, BPF, 1000",
    ],
  },
  'grant-ends': {
    page: 'docs/debugger.md',
    command: 'node scripts/bench/grant-ends.mjs --write',
    head: ['killed by SIGKILL', 'the app is closed after, ms: median', 'longest'],
    rows: ['the debugger', "the operator's command"],
  },
  'hostile-clients': {
    page: 'docs/debugger.md',
    command: 'node scripts/bench/grants.mjs --write',
    head: ['hostile clients at a time', 'the event loop is late by, ms: 99th percentile', 'longest'],
    rows: ['0', '1000'],
  },
  'launch-race': {
    page: 'docs/launch.md',
    command: 'node scripts/bench/window.mjs --write',
    head: [
      'mode',
      'the attacker',
      'starts',
      'read',
      'still at the end',
      'ended or refused',
      'readable for µs: median (longest)',
    ],
    rows: ['no `--deny`', '`--deny=sealed`', '`--deny=sealed`', '`--deny=sealed`', '`--deny=preload`'],
  },
  'launch-cost': {
    page: 'docs/launch.md',
    command: 'node scripts/bench/window.mjs --write',
    head: ['command', 'least ms', 'first quartile', 'median'],
    rows: [
      '`/bin/true`',
      '`setpriv --inh-caps=-all /bin/true`',
      '`tracegate-launch -- /bin/true`',
      '`tracegate-launch --confine -- /bin/true`',
      '`tracegate-launch --confine=tracing -- /bin/true`',
      '`tracegate-launch --deny=preload -- /bin/true`',
      '`tracegate-launch --deny -- /bin/true`',
      '`node -e 0`',
      '`tracegate-launch --deny -- node -e 0`',
      '`tracegate run --deny -- node -e 0`',
    ],
  },
};

/** @param {readonly string[]} cells */
const row = cells => `| ${cells.join(' | ')} |`;

/** The lines of a table that no measurement changes: its head, and how it is made. @param {Table} table */
export const headOf = ({ command, head }) => ({
  caption: `\`${command}\``,
  head: [row(head), row(head.map((_, at) => (at === 0 ? '---' : '--:')))],
});

/** The block of a page with its markers. @param {string} name */
export const blockOf = name => new RegExp(`(?<=<!-- figures: ${name} -->\\n)[\\s\\S]*?(?=<!-- /figures -->)`);

/**
 * Prints a table, and writes it to its page if the script was started with --write.
 *
 * @param {string} name of TABLES
 * @param {readonly (readonly (string | number)[])[]} cells of each row without its first cell
 */
export function report(name, cells) {
  const table = TABLES[name];
  if (table === undefined) throw new Error(`figures.mjs has no table ${name}`);
  if (cells.length !== table.rows.length)
    throw new Error(`${name} has ${table.rows.length} rows, not ${cells.length}`);
  for (const each of cells)
    if (each.length !== table.head.length - 1) throw new Error(`${name}: ${each.length} cells: ${each}`);
  const { caption, head } = headOf(table);
  const rows = table.rows.map((label, at) => row([label, ...(cells[at] ?? []).map(String)]));
  const machine = `Linux ${release()}, ${cpus().length} CPUs, Node ${process.version}; by ${caption}.`;
  const text = [machine, '', ...head, ...rows, ''].join('\n');
  console.log(text);
  if (!process.argv.includes('--write')) return;
  const path = join(ROOT, table.page);
  const before = readFileSync(path, 'utf8');
  if (!blockOf(name).test(before)) throw new Error(`${table.page} has no <!-- figures: ${name} -->`);
  writeFileSync(path, before.replace(blockOf(name), text));
}

/** @param {readonly number[]} numbers @param {number} share 0.5: the median */
export const quantile = (numbers, share) =>
  [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) * share)] ?? Number.NaN;
