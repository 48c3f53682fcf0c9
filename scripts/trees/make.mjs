// @ts-check
// Makes the trees of test/trees/trees.mjs, each from the layers that it stands on, by overlay mounts:
//   base/RELEASE     what mmdebstrap installs
//   packages/DIGEST  what its packages add
//   trees/NAME       what its files and its script change
// A layer is made once for each description of it, and kept. Needs root.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { TREES } from '../../test/trees/trees.mjs';

/** @typedef {import('../../test/trees/trees.mjs').Tree} Tree */
/** @typedef {{ release: Tree['release'] | 'forky', packages: string[] }} Packages forky: the next Debian */

const LINK = '-> ';

/** @param {string} program @param {string[]} words @param {{ env?: NodeJS.ProcessEnv }} [options] @returns {string} */
export function run(program, words, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? status}\n${stdout}${stderr}`);
}

/** The processor time of the programs that this process has started and waited for. @returns {number} milliseconds */
export function programsMilliseconds() {
  // proc(5): cutime and cstime, in ticks of 10 ms.
  const [, fields = ''] = readFileSync('/proc/self/stat', 'latin1').split(/\) (?=[^)]*$)/);
  const [cutime, cstime] = fields.split(' ').slice(13, 15).map(Number);
  return ((cutime ?? 0) + (cstime ?? 0)) * 10;
}

/**
 * Calls `use` with the directory of an overlay mount.
 *
 * @template T
 * @param {string[]} lower the uppermost first @param {string} upper @param {(directory: string) => T} use
 * @returns {T}
 */
export function withOverlay(lower, upper, use) {
  const [work, directory] = [`${upper}.work`, `${upper}.mount`];
  for (const each of [upper, work, directory]) mkdirSync(each, { recursive: true });
  run('mount', [
    ...['-t', 'overlay', 'overlay', directory],
    ...['-o', `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`],
  ]);
  try {
    return use(directory);
  } finally {
    run('umount', ['-l', directory]);
    rmSync(work, { recursive: true, force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Makes a directory if nothing with its name is there. An attempt that fails leaves nothing with that name. @param {string} directory @param {(unfinished: string) => void} make */
function once(directory, make) {
  if (existsSync(directory)) return;
  const unfinished = `${directory}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(unfinished), { recursive: true });
  make(unfinished);
  renameSync(unfinished, directory);
}

/** The mirror that this machine's own apt uses. */
function mirror() {
  const lines = run('apt-get', [
    'indextargets',
    ...['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Component: main'],
  ]);
  const [found] = lines.split('\n').filter(line => !line.includes('security'));
  if (!found) throw new Error("apt has no source of Debian's: see apt-get indextargets");
  return found;
}

/** @param {string} cache @param {Packages['release']} release */
function makeBase(cache, release) {
  const directory = join(cache, 'base', release);
  once(directory, unfinished => {
    const hooks = [
      'printf "#!/bin/sh\\nexit 101\\n" >"$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"',
    ];
    run('mmdebstrap', [
      ...['--mode=root', '--variant=apt', '--skip=cleanup/apt/lists', '--keyring=/usr/share/keyrings'],
      '--aptopt=Acquire::Check-Valid-Until "false"',
      ...hooks.map(hook => `--customize-hook=${hook}`),
      ...[release, unfinished, mirror()],
    ]);
    for (const file of ['/etc/resolv.conf', '/etc/hosts'])
      if (existsSync(file)) copyFileSync(file, join(unfinished, file));
  });
  return directory;
}

/** @param {object} description */
const digest = description =>
  createHash('sha256').update(JSON.stringify(description)).digest('hex').slice(0, 12);

/**
 * The layers of the tree's release and packages, the uppermost first.
 *
 * @param {string} cache @param {Packages} packages
 */
export function packageLayers(cache, { release, packages }) {
  const base = makeBase(cache, release);
  if (packages.length === 0) return [base];
  const layer = join(cache, 'packages', digest({ release, packages }));
  once(layer, unfinished =>
    withOverlay([base], unfinished, directory => {
      run('mount', ['-t', 'proc', 'proc', join(directory, 'proc')]);
      try {
        run(
          'chroot',
          [
            directory,
            ...['apt-get', 'install', '-y', '-q', '--no-install-recommends', '--allow-remove-essential'],
            ...['-o', 'Dpkg::Options::=--force-unsafe-io', ...packages],
          ],
          { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } },
        );
      } finally {
        run('umount', ['-l', join(directory, 'proc')]);
      }
    }),
  );
  return [layer, base];
}

/** The parent's real path below the root, so that no link leads out. @param {string} root @param {string} path */
function placeOf(root, path) {
  let at = root;
  for (const name of dirname(path).split('/').filter(Boolean)) {
    at = join(at, name);
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) mkdirSync(at);
    else if (stat.isSymbolicLink()) {
      at = realpathSync(at);
      if (!at.startsWith(`${root}/`)) throw new Error(`${path} leads out of its tree`);
    }
  }
  return join(at, path.slice(dirname(path).length + 1));
}

/** @param {string} root @param {Tree} tree */
function change(root, { files = {}, remove = [], run: script }) {
  for (const path of remove) rmSync(placeOf(root, path), { recursive: true, force: true });
  for (const [path, content] of Object.entries(files)) {
    const place = placeOf(root, path);
    rmSync(place, { force: true });
    if (content.startsWith(LINK)) symlinkSync(content.slice(LINK.length), place);
    else writeFileSync(place, content);
  }
  if (script !== undefined) run('chroot', [root, '/bin/sh', '-euc', script]);
}

/** What the tree and its boot depend on. @param {Tree} tree */
export const stateOf = ({ release, packages, files, remove, run: script, initial, commandLine }) =>
  digest({ release, packages, files, remove, script, initial, commandLine });

/** The packages of a tree. @param {string} name */
export function layerOf(name) {
  const tree = TREES.find(each => each.name === name);
  return tree === undefined ? name : digest({ release: tree.release, packages: tree.packages });
}

/**
 * Makes the tree, and returns its layers, the uppermost first.
 *
 * @param {string} cache @param {Tree} tree
 */
export function makeTree(cache, tree) {
  const below = packageLayers(cache, tree);
  const { release, packages, files, remove, run: script } = tree;
  const layer = join(cache, 'trees', `${tree.name}-${digest({ release, packages, files, remove, script })}`);
  once(layer, unfinished => withOverlay(below, unfinished, root => change(root, tree)));
  return [layer, ...below];
}

/** Compiles the program that is the init= of each boot. @param {string} cache */
export function makeWatcher(cache) {
  const source = join(import.meta.dirname, '..', '..', 'test', 'trees', 'watch-boot.c');
  const program = join(cache, `watch-boot-${digest({ source: readFileSync(source, 'utf8') })}`);
  if (!existsSync(program)) execFileSync('cc', ['-static', '-O2', '-Wall', '-o', program, source]);
  chmodSync(program, 0o755);
  return program;
}
