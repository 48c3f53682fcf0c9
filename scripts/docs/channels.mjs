// npm run docs:channels: runs the proof of test/channels on this kernel and in the uml lab at ptrace_scope 0 to 3. It
// also makes a thousand starts of each program that the package starts. Then it writes docs/channels.md from the
// results, unless a test fails.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSuite, labCommand } from '../test/scopes/lab-suite.mjs';
import { cell, table, union } from './outcomes.mjs';

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

/** @param {Proof} proof */
const kernelOf = ({ scope }) => (scope === null ? 'without Yama' : `scope ${scope}`);

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
  /** The kernels on which a way was not tried, by the way and the reason. @type {Map<string, string[]>} */
  const missing = new Map();
  for (const proof of proofs)
    for (const { name, before } of proof.rows)
      if (before.state === 'absent') {
        const line = `${name}: ${before.why}`;
        missing.set(line, [...(missing.get(line) ?? []), kernelOf(proof)]);
      }
  const open = first.byNature.map(({ name, saidIn }) => [
    name,
    ...each(proof => proof.byNature.find(way => way.name === name)?.outcome).map(cell),
    saidIn,
  ]);
  const kernels = proofs.map(kernelOf);
  return `# Every way to a program's secrets

Written by \`npm run docs:channels\`, from the results of test/channels. \`npm test\` repeats these tests.

A *way* is one method by which a process reads a secret of another process. A *channel* of \`denyTracing()\` closes a group of ways.

The victim is a Node program of an ordinary user. It holds a different secret in each of these places: a Buffer, a string, its
environment, its arguments, a socket (as data that is not read yet) and an unlinked file. It also writes a secret to /dev/null while
the attacker's strace is attached (\`written\`).

The attacker is a stranger: a process of the same uid and gid without capabilities, which is no ancestor of the victim.

- **leaks** names the places whose secret the attacker read.
- **opens** means that the attacker opened the file, or the kernel answered the call. The result holds no secret.
- – means that the way was not tried.
- Any other entry is the error that refused the attacker.

## Before and after denyTracing()

Two kernels are used: this machine's own, which has no Yama, and User-Mode Linux with Yama, at ptrace_scope 0 to 3. In each of these
five places, each way is tried before denyTracing(), and with a new victim after it. The column *closed by* has the channel that closes
the way. Without Yama each way is tried a third time, after a denyTracing() without that channel: the way is then open.

${table(['way', ...kernels.map(kernel => `before: ${kernel}`), 'after denyTracing(), everywhere', 'closed by'], ways)}

- \`no file\`: the victim got the signal, and neither the victim nor the kernel wrote a file.
- \`connect: ECONNREFUSED\`: nothing listens at the inspector's port 3 seconds after the signal.
- Before each signal that leads to a core dump, the attacker raises the victim's soft RLIMIT_CORE. Every process of the uid may do so.

Not tried:

${[...missing].map(([line, kernels]) => `- ${line} (not tried: ${kernels.join(', ')}).`).join('\n')}

## What denyTracing() does not close

These ways are tried after denyTracing(). The last column has the place that warns of the way: SECURITY.md, or the report of
denyTracing(). An error means that Yama refused the attacker before denyTracing(): the attacker could not open the file, or attach, at
that scope.

${table(['way', ...kernels, 'warned of in'], open)}

## While the app starts a program

The app has called denyTracing(), and has a secret in its environment. It starts other programs. A neighbour watches each new process,
and reads the environment of the process as often as the kernel allows. The column *read* counts the starts at which the neighbour got
the secret.

${table(
  ['started by', 'starts', 'read'],
  starts.map(({ by, count, read }) => [by, `${count}`, read === 0 ? '0' : `**${read}**`]),
)}
`;
}

writeFileSync(join(ROOT, 'docs', 'channels.md'), page(prove(await buildSuite())));
