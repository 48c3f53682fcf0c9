// @ts-check
// npm run docs:tools: the tools of test/watch/tools.ts in a stock kernel, at ptrace_scope 0 beside `tracegate watch`, and then at 1, 2
// and 3. Writes docs/tools.md: what each does, what the recording says of the other scopes, and what happens there.
//   --last   writes the page of the last run's answers again
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildWatch, bundled, runInLab } from '../test/watch/lab.mjs';

/** @typedef {import('../../test/watch/tools-in-guest.js').Used} Used */
/** @typedef {{ event: string, time: string, id: number, pair: number, way: string, outcome: string, scopes: { verdict: string }[] }} Recorded */

const KERNEL = 'qemu-6.1';
const SCOPES = [0, 1, 2, 3];
const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'tools.md');
const REPORTS = join(import.meta.dirname, '..', '..', 'build', 'reports', `tools-in-guest-${KERNEL}`);
const UNPACKED = join(import.meta.dirname, '..', '..', 'build', 'tools');
const { values } = parseArgs({ options: { last: { type: 'boolean', default: false } } });

/** The program of Debian's systemd-coredump. Unpacked only: the package's installation changes this machine's core_pattern. */
function coreHandler() {
  rmSync(UNPACKED, { recursive: true, force: true });
  mkdirSync(UNPACKED, { recursive: true });
  const download = ['download', '-q', '-o', 'APT::Sandbox::User=root', 'systemd-coredump'];
  execFileSync('apt-get', download, { cwd: UNPACKED, stdio: ['ignore', 'ignore', 'inherit'] });
  const [archive = ''] = readdirSync(UNPACKED);
  execFileSync('dpkg-deb', ['-x', archive, '.'], { cwd: UNPACKED });
  return join(UNPACKED, 'lib', 'systemd', 'systemd-coredump');
}

if (!values.last) {
  await buildWatch(['tools-in-guest', 'tools']);
  /** @type {typeof import('../../test/watch/tools.js')} */
  const { TOOLS: all } = await import(bundled('tools'));
  const missing = all.filter(
    ({ name, program = name.split(' ')[0] ?? '' }) => spawnSync('which', [program]).status !== 0,
  );
  if (missing.length > 0) {
    console.error(`docs:tools: apt-get install ${missing.map(tool => tool.package).join(' ')}`);
    process.exit(3);
  }
  const given = { coreHandler: coreHandler() };
  runInLab('tools-in-guest', { kernel: KERNEL, scopes: SCOPES, seconds: 2400, mem: '3G', given });
}
/** @type {typeof import('../../test/watch/tools.js')} */
const { TOOLS } = await import(bundled('tools'));
/** @type {Used[][]} */
const used = SCOPES.map(scope => JSON.parse(readFileSync(join(REPORTS, `tools-${scope}.json`), 'utf8')));
/** @type {Recorded[]} */
const recorded = readFileSync(join(REPORTS, 'tools.ndjson'), 'utf8')
  .split('\n')
  .filter(Boolean)
  .map(line => JSON.parse(line));
const pairs = new Map(recorded.filter(({ event }) => event === 'pair').map(pair => [pair.id, pair]));

/** The accesses in that time, by way. @param {Used | undefined} use */
function accessesOf(use) {
  const { from = 0, to = 0 } = use ?? {};
  return recorded.flatMap(({ event, time, pair }) => {
    const at = Date.parse(time);
    const found = event === 'access' && at >= from && at <= to ? pairs.get(pair) : undefined;
    return found === undefined ? [] : [found];
  });
}

/** @param {Recorded[]} accesses */
function waysOf(accesses) {
  const counts = new Map();
  for (const { way } of accesses) counts.set(way, (counts.get(way) ?? 0) + 1);
  return [...counts].map(([way, count]) => `${way} ${count}×`).join(', ') || 'nothing';
}

/** @param {Recorded[]} accesses @param {number} scope */
function saidOf(accesses, scope) {
  const verdicts = new Set(accesses.map(({ scopes }) => scopes[scope]?.verdict));
  return verdicts.has('refused') ? 'refused' : verdicts.has('unknown') ? 'unknown' : 'works';
}

const rows = TOOLS.map(({ name, package: from, use }, at) => {
  const accesses = accessesOf(used[0]?.[at]);
  const happened = SCOPES.map(scope => (used[scope]?.[at]?.works ? 'works' : 'refused'));
  const said = SCOPES.slice(1).map(scope => saidOf(accesses, scope));
  for (const [place, verdict] of said.entries()) {
    if (verdict !== happened[place + 1])
      console.log(
        `${name} at ${place + 1}: said ${verdict}, and it is ${happened[place + 1]}\n${used[place + 1]?.[at]?.output}`,
      );
  }
  if (happened[0] !== 'works') throw new Error(`${name} doesn't work at 0: ${used[0]?.[at]?.output}`);
  const cells = said.map((verdict, place) =>
    verdict === happened[place + 1] ? verdict : `${happened[place + 1]}, said: ${verdict}`,
  );
  return `| ${[name, from, use, waysOf(accesses), ...cells].join(' | ')} |`;
});

/** What Chromium's page chrome://sandbox says of Yama at a scope. @param {number} scope */
function yamaIn(scope) {
  const output = used[scope]?.find(({ name }) => name.startsWith('chromium'))?.output ?? '';
  return [...output.matchAll(/Yama LSM \((.*?)\)\s+(\w+)/g)].map(
    ([, process, answer]) => `${process} ${answer}`,
  );
}
const browser = SCOPES.map(scope => `- at ${scope}: ${yamaIn(scope).join(', ')}`).join('\n');

const text = readFileSync(PAGE, 'utf8');
const [before = '', , after = ''] = text.split(/<!-- \/?tools -->/);
const head = ['tool', 'package', 'it', 'asks, at 0', 'at 1', 'at 2', 'at 3'];
const table = [`| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...rows].join('\n');
const where = `Debian's kernel 6.1, by \`npm run docs:tools\`.`;
writeFileSync(
  PAGE,
  `${before}<!-- tools -->\n${where}\n\n${table}\n\nChromium's page chrome://sandbox on "Ptrace Protection with Yama LSM":\n\n${browser}\n<!-- /tools -->${after}`,
);
