// @ts-check
// `tracegate remediate` on a tree: it is changed, booted by its own init, and the change is taken back.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootTree } from './boot.mjs';
import { run, withOverlay } from './make.mjs';

/** @typedef {import('../../test/trees/trees.mjs').Tree} Tree */
/** @typedef {{ line: string, isGood: boolean }} Remedied */

const COMMAND = join(import.meta.dirname, '..', '..', 'dist', 'tracegate.cjs');

/** @param {string} root @param {string[]} words */
function remediate(root, words) {
  const all = [COMMAND, 'remediate', '--root', root, ...words, '--apply', '--json'];
  const { stdout, stderr, status } = spawnSync(process.execPath, all, { encoding: 'utf8' });
  // The refusal of a system is an answer, and others are errors.
  const said = status === 3 && stdout !== '' ? JSON.parse(stdout).because : stderr.trim();
  return { status, said };
}

/** Names, kinds, modes, owners, links, contents and extended attributes. @param {string} root */
const stateOfEtc = root =>
  run('sh', [
    '-c',
    `cd "$0" && find etc -printf '%p %y %m %U %G %l\\n' | sort && find etc -type f -print0 | sort -z | xargs -0 sha256sum &&
      getfattr -R -h -d -m - etc`,
    root,
  ]);

/** What the overlay has of its own, but directories. @param {string} upper */
const changedIn = upper =>
  readdirSync(upper, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join('/', entry.parentPath.slice(upper.length), entry.name));

/**
 * A refusal is an answer. A change, or the word that none is needed, has to bring the value, may touch /etc alone, and its undo
 * brings the same tree.
 *
 * @param {string} cache @param {Tree} tree @param {string[]} layers @param {string} watcher @param {number} scope
 * @returns {Remedied}
 */
export function remedy(cache, tree, layers, watcher, scope) {
  const name = `${tree.name} to ${scope}`;
  const upper = join(cache, 'remedies', `${tree.name}-${scope}`);
  rmSync(upper, { recursive: true, force: true });
  const consents = ['--allow-irreversible', '--allow-downgrade'];
  const { before, made } = withOverlay(layers, upper, root => ({
    before: stateOfEtc(root),
    made: remediate(root, ['--scope', `${scope}`, ...consents]),
  }));
  if (made.status === 3) return { line: `${name}: refused, ${made.said}`, isGood: made.said !== '' };
  if (made.status !== 0) return { line: `${name}: ended with ${made.status}, ${made.said}`, isGood: false };
  const changed = changedIn(upper);
  const elsewhere = changed.filter(path => !path.startsWith('/etc/'));
  const { value } = bootTree(cache, { ...tree, name: `${tree.name}-${scope}` }, [upper, ...layers], watcher);
  const isSame =
    changed.length === 0 ||
    withOverlay(layers, upper, root => {
      const undone = remediate(root, ['--undo']);
      return undone.status === 0 && stateOfEtc(root) === before;
    });
  rmSync(upper, { recursive: true, force: true });
  const line = `${name}: the boot brings ${value}; changed ${changed.join(', ') || 'nothing'}; the undo ${isSame ? 'brings the same tree' : 'DIFFERS'}`;
  return { line, isGood: value === `${scope}` && elsewhere.length === 0 && isSame };
}
