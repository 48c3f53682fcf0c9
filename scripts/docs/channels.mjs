// npm run docs:channels: runs the proof of test/channels on this kernel and in the uml lab at ptrace_scope 0 to 3. It
// also makes a thousand starts of each program that the package starts. Then it writes docs/channels.md from the
// results, unless a test fails.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSuite, labCommand } from '../test/scopes/lab-suite.mjs';

/** @typedef {import('../../test/channels/prove.js').Proof} Proof */
/** @typedef {import('../../test/channels/prove.js').Starts} Starts */
/** @typedef {import('../../test/channels/thief.js').Outcome} Outcome */

const ROOT = join(import.meta.dirname, '..', '..');
const SCOPES = [0, 1, 2, 3];
const VITEST = [process.execPath, join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run'];
/** @param {string} name */
const here = name => [...VITEST, '--project', 'integration', `test/integration/${name}.test.ts`];

/** @param {string[]} command @param {string} file @param {NodeJS.ProcessEnv} [more] */
function run([program = '', ...words], file, more) {
  const env = { ...process.env, TRACEGATE_CHANNELS_FILE: file, ...more };
  const { status } = spawnSync(program, words, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status !== 0) throw new Error(`${words.join(' ')} failed: docs/channels.md is left as it is`);
}

/** @param {string} program @returns {{ proofs: Proof[], starts: Starts[] }} */
function prove(program) {
  // In the repository: the lab writes to it.
  const directory = mkdtempSync(join(ROOT, 'build', 'channels-'));
  const file = join(directory, 'proofs.ndjson');
  try {
    run(here('channels'), file);
    run(
      labCommand(program, { kernel: 'uml', scopes: SCOPES, reports: directory, files: ['channels.scopes'] }),
      file,
    );
    run(here('starts'), file, { TRACEGATE_TIER: 'nightly' });
    const found = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    const { starts } = found.pop();
    return { proofs: found, starts };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {Outcome} outcome */
function cell(outcome) {
  switch (outcome.state) {
    case 'leaks':
      return `**leaks** ${outcome.places.join(', ')}`;
    case 'opens':
      return '**opens**';
    case 'refused':
      return outcome.by;
    case 'absent':
      return '–';
  }
}

/** @param {string[]} cells */
const row = cells => `| ${cells.join(' | ')} |`;

/** @param {string[]} head @param {string[][]} rows */
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** @param {Outcome[]} outcomes the distinct results of all kernels that have the way */
const union = outcomes =>
  [...new Set(outcomes.filter(({ state }) => state !== 'absent').map(cell))].join('; ');

/** @param {Proof} proof */
const kernelOf = ({ scope }) => (scope === null ? 'this kernel, no Yama' : `scope ${scope}`);

/** @param {{ proofs: Proof[], starts: Starts[] }} found */
function page({ proofs, starts }) {
  const [first] = proofs;
  if (first === undefined) throw new Error('nothing was proved');
  /** @param {(proof: Proof) => Outcome | undefined} pick */
  const each = pick =>
    proofs.map(proof => pick(proof) ?? /** @type {Outcome} */ ({ state: 'absent', why: 'not tried' }));
  const ways = first.rows.map(({ name, closedBy, note }) => {
    const rowsOf = each(proof => proof.rows.find(way => way.name === name)?.before);
    const after = each(proof => proof.rows.find(way => way.name === name)?.after);
    const title = note === null ? name : `${name} (${note})`;
    return [title, ...rowsOf.map(cell), union(after), `\`${closedBy}\``];
  });
  const missing = proofs.flatMap(proof =>
    proof.rows.flatMap(({ name, before }) =>
      before.state === 'absent' ? [`- ${kernelOf(proof)}: ${name}: ${before.why}.`] : [],
    ),
  );
  const open = first.byNature.map(({ name, saidIn }) => [
    name,
    ...each(proof => proof.byNature.find(way => way.name === name)?.outcome).map(cell),
    saidIn,
  ]);
  const kernels = proofs.map(kernelOf);
  return `# Every way to a program's secrets

Written by \`npm run docs:channels\`, from the results of test/channels. \`npm test\` repeats these tests.

The victim is a Node program of an ordinary user. It holds a different secret in each of these places: a Buffer,
a string, its environment, its arguments, an open socket (sent by the peer and not read yet) and an unlinked file. It also
writes a secret to /dev/null while strace looks (\`written\`). The attacker is an orphan of the same uid and gid without
capabilities, and no ancestor of the victim. **leaks** names the places whose secret the attacker read. **opens** marks a file
that can be opened but holds no secret. Any other entry is the error that refused the attacker.

## Before and after denyTracing()

Each way is tried on each kernel before denyTracing(), and after it with a fresh victim. On the kernel without Yama, each way is
also tried after a denyTracing() without the channel in the last column: then the way is open again.

${table(['way', ...kernels.map(kernel => `before: ${kernel}`), 'after denyTracing(), everywhere', 'closed by'], ways)}

\`no file\`: the signal was sent and handled, or ended the victim, and left nothing that was written. \`connect\`: nothing
listens at the inspector's port, 3 seconds after the signal. Before the core dumps the attacker raises the soft
RLIMIT_CORE again, which the uid may.

Not tried:

${missing.join('\n')}

## What stays open, and where that is said

After denyTracing(), on each kernel.

${table(['way', ...kernels, 'said in'], open)}

## While the app starts a program

The app has called denyTracing() and has a secret in its environment. A neighbour watches each process
that begins, and reads its environment as long as the kernel allows that. The column *read* counts the starts in which the
neighbour got the secret.

${table(
  ['started by', 'starts', 'read'],
  starts.map(({ by, count, read }) => [by, `${count}`, read === 0 ? '0' : `**${read}**`]),
)}
`;
}

writeFileSync(join(ROOT, 'docs', 'channels.md'), page(prove(await buildSuite())));
