// @ts-check
// Boots a tree in User-Mode Linux, as the root file system, by the tree's own init: the real answer.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { umlMachine } from '../lab-host/uml.mjs';
import { withOverlay } from './make.mjs';

/**
 * @typedef {object} Boot
 * @property {string} value `no Yama` if the kernel has no such key
 * @property {string[]} writers `VALUE by COMMAND`, in order; a value that the kernel refused doesn't count
 * @property {number} seconds
 */

const LOG = '.tracegate-boot.log';
const MEMORY = 512 * 2 ** 20;

/** UML's command without the lab's own root and init. @param {string} directory */
function umlCommand(directory) {
  const machine = umlMachine({ mem: MEMORY });
  machine.prepare(directory);
  const words = machine.command(directory).filter(word => !/^(root|rootflags|init|con\d?)=/.test(word));
  return { words, environment: machine.environment };
}

/**
 * @param {string} cache @param {import('../../test/trees/trees.mjs').Tree} tree
 * @param {string[]} layers @param {string} watcher
 * @returns {Boot}
 */
export function bootTree(cache, tree, layers, watcher) {
  const upper = join(cache, 'boots', tree.name);
  rmSync(upper, { recursive: true, force: true });
  const begin = performance.now();
  withOverlay(layers, upper, root => {
    copyFileSync(watcher, join(root, '.tracegate-init'));
    const guest = `${upper}.uml`;
    mkdirSync(guest, { recursive: true });
    const { words, environment } = umlCommand(guest);
    const [program = '', ...rest] = [
      ...words,
      ...['root=hostfs', `rootflags=${root}`, 'init=/.tracegate-init', 'con=null', 'con0=null,fd:1'],
      ...((tree.initial ?? 0) === 0 ? [] : [`TRACEGATE_INITIAL=${tree.initial}`]),
      ...(tree.commandLine === undefined ? [] : [tree.commandLine]),
    ].flatMap(word => word.split(' '));
    const { stdout, status } = spawnSync(program, rest, {
      env: { ...process.env, ...environment },
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 600_000,
      maxBuffer: 2 ** 26,
    });
    writeFileSync(join(cache, 'boots', `${tree.name}.console`), `${stdout}\nended by ${status}\n`);
    rmSync(guest, { recursive: true, force: true });
  });
  const seconds = (performance.now() - begin) / 1000;
  const path = join(upper, LOG);
  const lines = existsSync(path) ? readFileSync(path, 'latin1').trimEnd().split('\n') : [];
  const [, value] = /^end (.)$/.exec(lines.at(-1) ?? '') ?? [];
  if (value === undefined || lines.some(line => line.startsWith('failed')))
    throw new Error(`${tree.name}: the boot has no end: ${lines.join('; ')}`);
  rmSync(upper, { recursive: true, force: true });
  const writers = lines.filter(line => line.startsWith('write ')).map(line => line.slice('write '.length));
  return { value: value === '?' ? 'no Yama' : value, writers, seconds };
}
