// npm run docs:confine: tries the ways of test/channels/confine-ways.ts on this kernel, and in Debian's stock 6.12 and 6.1 in QEMU
// at ptrace_scope 0. Then it writes the tables of docs/confine.md, unless a test fails. The rest of the page is written by hand.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSuite, labCommand } from '../test/scopes/lab-suite.mjs';
import { cell, table, union } from './outcomes.mjs';

/** @typedef {import('../../test/channels/prove-confinement.js').ConfineProof} Proof */

const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'confine.md');
const KERNELS = ['qemu-6.12', 'qemu-6.1'];
const HERE = [
  process.execPath,
  join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
  ...['run', '--project', 'integration', 'test/integration/confine-ways.test.ts'],
];

/** @returns {Promise<Proof[]>} */
async function prove() {
  const program = await buildSuite();
  // In the repository: the lab writes to it.
  const directory = mkdtempSync(join(ROOT, 'build', 'confine-'));
  const file = join(directory, 'proofs.ndjson');
  const inLab = KERNELS.map(kernel =>
    labCommand(program, { kernel, scopes: [0], reports: directory, files: ['confine-ways.scopes'] }),
  );
  try {
    for (const [command = '', ...words] of [HERE, ...inLab]) {
      const env = { ...process.env, TRACEGATE_CONFINE_FILE: file };
      const { status } = spawnSync(command, words, {
        cwd: ROOT,
        stdio: ['ignore', 'inherit', 'inherit'],
        env,
      });
      if (status !== 0) throw new Error(`${words.join(' ')} failed: docs/confine.md is left as it is`);
    }
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @param {Proof} proof */
const kernelOf = ({ release, report }) =>
  `confined: Linux ${release.replace(/^(\d+\.\d+).*/, '$1')}, ABI ${report.landlockAbi}`;

/** The ways of one group, that is with the same `closedBy`. @param {Proof[]} proofs @param {string | null} closedBy */
function tableOf(proofs, closedBy) {
  const [first] = proofs;
  if (first === undefined) throw new Error('nothing was proved');
  const rows = first.rows
    .filter(row => row.closedBy === closedBy)
    .map(({ name, note, remedy }) => {
      const found = proofs.map(proof => proof.rows.find(row => row.name === name));
      const outcomes = found.map(row => row ?? { before: ABSENT, after: ABSENT });
      return [
        note === null ? name : `${name} (${note})`,
        union(outcomes.map(({ before }) => before)),
        ...outcomes.map(({ after }) => cell(after)),
        ...(remedy === null ? [] : [remedy]),
      ];
    });
  const last = closedBy === null ? ['what closes it'] : [];
  return table(['way', 'not confined', ...proofs.map(kernelOf), ...last], rows);
}

/** @type {import('../../test/channels/thief.js').Outcome} */
const ABSENT = { state: 'absent', why: 'not tried' };

/** @param {Proof[]} proofs */
function notTried(proofs) {
  const lines = proofs.flatMap(({ release, rows }) =>
    rows.flatMap(({ name, before }) =>
      before.state === 'absent'
        ? [`- ${name}, on Linux ${release.replace(/^(\d+\.\d+).*/, '$1')}: ${before.why}.`]
        : [],
    ),
  );
  return lines.length === 0
    ? 'Every way was tried on every kernel.'
    : ['Not tried:', '', ...lines].join('\n');
}

const proofs = await prove();
const blocks = {
  tracing: tableOf(proofs, 'tracing'),
  signals: tableOf(proofs, 'signals'),
  'abstract-sockets': tableOf(proofs, 'abstract-sockets'),
  open: tableOf(proofs, null),
  'not-tried': notTried(proofs),
};
let page = readFileSync(PAGE, 'utf8');
for (const [name, text] of Object.entries(blocks)) {
  const block = new RegExp(`(?<=<!-- ways: ${name} -->\\n)[\\s\\S]*?(?=<!-- /ways -->)`);
  if (!block.test(page)) throw new Error(`docs/confine.md has no <!-- ways: ${name} -->`);
  page = page.replace(block, () => `\n${text}\n\n`);
}
writeFileSync(PAGE, page);
