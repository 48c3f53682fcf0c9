// @ts-check
// npm run test:trees: the audit on the trees of test/trees/trees.mjs, beside what each tree's own init does at a boot. Makes the
// trees of Debian's packages, boots each in User-Mode Linux with the tree as the root file system, and audits it. Needs root,
// mmdebstrap and linux.uml.
//   --only NAME   this tree; may be given several times
//   --last        no boot: the recorded answers of the real inits, for the trees that have not changed since
//   --remedy N    `tracegate remediate --scope N --apply` on each tree instead, a boot of what it has made, and the undo; may be given
//                 several times
//   --others      asks OpenSCAP, Lynis and kernel-hardening-checker too, as scripts/trees/others.mjs says
//   --cache DIR   keeps the layers of the trees there, 3 GiB; default: the cache directory of the lab
//   --write       records the answers and the distilled trees in test/trees/recorded, which `npm test` reads, and writes
//                 docs/audit-trees.md
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TREES } from '../../test/trees/trees.mjs';
import { cacheDirectory } from '../lab-host/programs.mjs';
import { bootTree } from '../trees/boot.mjs';
import { distil } from '../trees/distil.mjs';
import { agreement, oursOf } from '../trees/judge.mjs';
import {
  layerOf,
  makeTree,
  makeWatcher,
  programsMilliseconds,
  stateOf,
  withOverlay,
} from '../trees/make.mjs';
import { askOthers, makeTools, othersTake } from '../trees/others.mjs';
import { writePage } from '../trees/page.mjs';
import { readRecorded, writeRecorded } from '../trees/recorded.mjs';
import { remedy } from '../trees/remedies.mjs';
import { Totals } from './totals.mjs';

/** @typedef {import('../../test/trees/trees.mjs').Tree} Tree */

const ROOT = join(import.meta.dirname, '..', '..');
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    cache: { type: 'string', default: join(cacheDirectory(), 'trees') },
    last: { type: 'boolean', default: false },
    remedy: { type: 'string', multiple: true, default: [] },
    others: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const scopes = new Set(['0', '1', '2', '3']);
const noScope = values.remedy.find(scope => !scopes.has(scope));
if (noScope !== undefined) {
  console.error(`--remedy wants 0, 1, 2 or 3, not '${noScope}'`);
  process.exit(2);
}
const unknown = values.only?.filter(name => !TREES.some(tree => tree.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(`test/trees/trees.mjs has no ${unknown.join(', ')}`);
  process.exit(2);
}
if (process.geteuid?.() !== 0) {
  console.error('test:trees mounts file systems: run it as root');
  process.exit(3);
}
if (!existsSync(join(ROOT, 'dist', 'tracegate.cjs'))) {
  console.error("there is no dist/: run 'npm run build'");
  process.exit(3);
}

const { cache } = values;
mkdirSync(cache, { recursive: true });
const watcher = makeWatcher(cache);
const tools = values.others ? makeTools(cache) : null;
const recorded = readRecorded();
const totals = new Totals();

/** The audit's answer for a directory, as a user gets it. @param {string} root */
function audit(root) {
  const before = programsMilliseconds();
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(ROOT, 'dist', 'tracegate.cjs'), 'audit', '--root', root, '--json'],
    { encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  if (stdout === '') throw new Error(`tracegate audit ended with ${status}: ${stderr}`);
  return { report: JSON.parse(stdout), milliseconds: programsMilliseconds() - before };
}

/** @param {Tree} tree */
function examine(tree) {
  const layers = makeTree(cache, tree);
  const state = stateOf(tree);
  const last = recorded.answers[tree.name];
  const real = values.last && last?.state === state ? last.real : bootTree(cache, tree, layers, watcher);
  const upper = join(cache, 'audits', tree.name);
  const seen = withOverlay(layers, upper, root => ({ ...audit(root), distilled: distil(root) }));
  rmSync(upper, { recursive: true, force: true });
  const ours = { ...oursOf(seen.report), milliseconds: seen.milliseconds };
  const others =
    tools === null || !othersTake(tree)
      ? last?.others
      : { ...askOthers(cache, tree, layers, tools.directory, real.value), versions: tools.versions };
  recorded.answers[tree.name] = { state, real, ours, ...(others !== undefined && { others }) };
  recorded.distilled[tree.name] = seen.distilled;
  return agreement(real, ours);
}

for (const tree of TREES) {
  if (values.only && !values.only.includes(tree.name)) continue;
  try {
    for (const scope of values.remedy) {
      const { line, isGood } = remedy(cache, tree, makeTree(cache, tree), watcher, Number(scope));
      console.log(line);
      if (isGood) totals.passed++;
      else totals.failures.push(line);
    }
    if (values.remedy.length > 0) continue;
    const judged = examine(tree);
    const { real, ours } = recorded.answers[tree.name] ?? {};
    const line = `${tree.name}: ${judged}; the boot: ${real?.value} (${real?.writers.at(-1) ?? 'nothing wrote'}); the audit: ${ours?.found}, ${ours?.because}`;
    console.log(line);
    if (judged === 'agrees' || judged === 'unknown') totals.passed++;
    else totals.failures.push(line);
  } catch (error) {
    totals.failures.push(`${tree.name}: ${error instanceof Error ? error.message.slice(-3000) : error}`);
  }
  if (values.write) writeRecorded(recorded, layerOf);
}
if (values.write) {
  writePage(recorded.answers);
  spawnSync('npx', ['biome', 'format', '--write', 'test/trees/recorded'], { cwd: ROOT, stdio: 'inherit' });
}
totals.close();
