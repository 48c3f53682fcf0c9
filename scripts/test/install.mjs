// @ts-check
// npm run test:install [-- --only pnpm] [--write]: the package, packed with prebuilds/, installed by each package manager
// (scripts/test/managers) in each situation. In each, a program of the project loads tracegate and calls denyTracing(),
// and the addon is the one that it should be. Prints the seconds of each; `--write` puts them into docs/install.md.
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { report } from '../bench/figures.mjs';
import { requireProgram } from '../lab-host/programs.mjs';
import { installLocked } from '../npm-cache.mjs';
import { packed, shellEnvironment } from './pack.mjs';
import { Totals } from './totals.mjs';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const { values } = parseArgs({ options: { only: { type: 'string' }, write: { type: 'boolean' } } });
const totals = new Totals();
const scratch = mkdtempSync(join(tmpdir(), 'tracegate-install-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const programs = installLocked(join(import.meta.dirname, 'managers'));

/** What the package needs, and nothing else: itself, bindings and what that needs, and node-addon-api. */
const PACKAGES = ['bindings', 'file-uri-to-path', 'node-addon-api', 'tracegate'];

/**
 * @typedef {object} Manager
 * @property {string[]} command
 * @property {string} add the word for a new dependency
 * @property {NodeJS.ProcessEnv} env its cache, apart from the user's, and its registry
 * @property {string} [noScripts] its option
 * @property {boolean} [isPlugAndPlay] without node_modules
 */

const node = process.execPath;
/** @param {string} name */
const configOf = name => execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
const registry = configOf('registry');
/** The registry's certificates, where npm is told of them. */
const certificates = configOf('cafile');
const cache = join(scratch, 'cache');
/** @type {Record<string, Manager>} */
const MANAGERS = {
  'npm 10': {
    command: [node, join(programs, 'npm-10/bin/npm-cli.js')],
    add: 'install',
    env: { npm_config_cache: join(cache, 'npm-10') },
    noScripts: '--ignore-scripts',
  },
  'npm 11': {
    command: [node, join(programs, 'npm-11/bin/npm-cli.js')],
    add: 'install',
    env: { npm_config_cache: join(cache, 'npm-11') },
    noScripts: '--ignore-scripts',
  },
  pnpm: {
    command: [join(programs, '@pnpm/exe.linux-x64/pnpm')],
    add: 'add',
    env: { npm_config_store_dir: join(cache, 'pnpm'), npm_config_registry: registry },
    noScripts: '--ignore-scripts',
  },
  'Yarn 1': {
    command: [node, join(programs, 'yarn/bin/yarn.js')],
    add: 'add',
    env: { YARN_CACHE_FOLDER: join(cache, 'yarn-1'), npm_config_registry: registry },
    noScripts: '--ignore-scripts',
  },
  'Yarn 4': {
    command: [node, join(programs, '@yarnpkg/cli-dist/bin/yarn.js')],
    add: 'add',
    env: {
      YARN_GLOBAL_FOLDER: join(cache, 'yarn-4'),
      YARN_NPM_REGISTRY_SERVER: registry,
      ...(certificates !== 'null' && { YARN_HTTPS_CA_FILE_PATH: certificates }),
      YARN_ENABLE_TELEMETRY: 'false',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
    },
    isPlugAndPlay: true,
  },
  Bun: {
    command: [join(programs, '@oven/bun-linux-x64/bin/bun')],
    add: 'add',
    env: { BUN_INSTALL_CACHE_DIR: join(cache, 'bun'), npm_config_registry: registry },
    noScripts: '--ignore-scripts',
  },
};

/** A PATH without a compiler, make or Python. */
const BARE_PATH = join(scratch, 'bare-path');
/** Compiles nothing twice: what native/build/Release has is copied. */
const COPYING = `sh ${join(root, 'test/fixtures/copying-compiler.sh')} ${join(root, 'native/build/Release')}`;

/** @type {Record<string, { directory?: string, env?: NodeJS.ProcessEnv, isWorkspace?: boolean, fromSource?: boolean, noScripts?: boolean }>} */
const SITUATIONS = {
  prebuilt: {},
  'from source': { fromSource: true },
  'no compiler': { env: { PATH: BARE_PATH } },
  'scripts off': { noScripts: true, env: { YARN_ENABLE_SCRIPTS: 'false' } },
  'path with a space and a parenthesis': { directory: 'my app (1)', fromSource: true },
  workspace: { isWorkspace: true },
};

const PROGRAM = `import { readFileSync } from 'node:fs';
import { denyTracing, getDumpable } from 'tracegate';
getDumpable();
const addon = /\\/.*tracegate[^/]*\\.node$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
const { open } = await denyTracing();
console.log(JSON.stringify({ addon, dumpable: getDumpable(), open }));
`;

/** @param {string} file @param {unknown} value */
const writeJson = (file, value) => writeFileSync(file, JSON.stringify(value));

/**
 * The packages of a project, by name, and their bytes; Plug'n'Play leaves most in a cache outside of it.
 *
 * @param {string} project
 */
function contents(project) {
  /** @type {Set<string>} */
  const names = new Set();
  const seen = new Set();
  let bytes = 0;
  for (const entry of readdirSync(project, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (!/\/node_modules\/|\/\.yarn\//.test(path)) continue;
    const [, installed] = /\/node_modules\/((?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/.exec(path) ?? [];
    if (installed) names.add(installed);
    const { ino, size } = statSync(path);
    if (!seen.has(ino)) bytes += size;
    seen.add(ino);
  }
  const lock = join(project, 'yarn.lock');
  const locked = existsSync(lock)
    ? readFileSync(lock, 'utf8').matchAll(/^"?((?:@[^/]+\/)?[\w.-]+)@(?:npm|file):/gm)
    : [];
  for (const [, name = ''] of locked) names.add(name);
  return { names: [...names].sort(), bytes };
}

/**
 * Installs in one situation, runs the program, and returns what was seen. Throws where something is wrong.
 *
 * @param {Manager} manager @param {(typeof SITUATIONS)[string]} situation @param {string} project @param {string} tarball
 */
async function install(manager, { isWorkspace, fromSource, noScripts, env: more }, project, tarball) {
  const app = isWorkspace ? join(project, 'packages', 'app') : project;
  mkdirSync(app, { recursive: true });
  writeJson(join(project, 'package.json'), {
    name: 'project',
    private: true,
    ...(isWorkspace && { workspaces: ['packages/*'] }),
  });
  writeFileSync(join(project, 'pnpm-workspace.yaml'), isWorkspace ? "packages: ['packages/*']\n" : '');
  // Else Yarn 4 looks for a project further up.
  if (manager.isPlugAndPlay) writeFileSync(join(project, 'yarn.lock'), '');
  const dependencies = { tracegate: `file:${tarball}` };
  if (isWorkspace)
    writeJson(join(app, 'package.json'), { name: 'app', version: '1.0.0', private: true, dependencies });
  writeFileSync(join(app, 'app.mjs'), PROGRAM);

  const options = { cwd: project, env: { ...shellEnvironment, ...manager.env, ...more } };
  const [program = '', ...start] = manager.command;
  const words = isWorkspace ? ['install'] : [manager.add, `tracegate@file:${tarball}`];
  const began = performance.now();
  await run(
    program,
    [...start, ...words, ...(noScripts && manager.noScripts ? [manager.noScripts] : [])],
    options,
  );
  const seconds = (performance.now() - began) / 1000;

  const [runner = '', ...runnerStart] = manager.isPlugAndPlay ? [...manager.command, 'node'] : [node];
  /** @param {string[]} args */
  const runNode = async (...args) => {
    const { stdout } = await run(runner, [...runnerStart, ...args], {
      cwd: app,
      env: { ...options.env, CXX: COPYING },
    });
    return stdout.trim();
  };
  if (fromSource) {
    const manifest = await runNode('-p', "require.resolve('tracegate/package.json')");
    await runNode(join(dirname(manifest), 'scripts/build/native.mjs'));
  }
  const { addon, dumpable, open } = JSON.parse(await runNode('app.mjs'));
  const wanted = fromSource
    ? /\/native\/build\/Release\/tracegate\.node$/
    : /\/prebuilds\/linux-\w+\/tracegate\./;
  if (!wanted.test(addon)) throw new Error(`the addon is ${addon}`);
  if (dumpable !== 'disabled' || open.length > 0) {
    throw new Error(`denyTracing() left ${JSON.stringify({ dumpable, open })}`);
  }
  const { names, bytes } = contents(project);
  // Yarn 4 installs node-gyp with each package whose scripts name it: here node-addon-api.
  const others = names.filter(name => !PACKAGES.includes(name));
  const isComplete = PACKAGES.every(name => names.includes(name));
  if (!isComplete || (others.length > 0 && !names.includes('node-gyp'))) {
    throw new Error(`installed are ${names}, and not ${PACKAGES}`);
  }
  return { seconds, bytes, count: names.length };
}

mkdirSync(BARE_PATH);
symlinkSync(realpathSync(node), join(BARE_PATH, 'node'));
symlinkSync(requireProgram('sh'), join(BARE_PATH, 'sh'));
const tarball = await packed(scratch);
/** @type {string[][]} */
const rows = [];
for (const [name, manager] of Object.entries(MANAGERS)) {
  if (values.only !== undefined && values.only !== name) continue;
  const cells = [];
  let size = { bytes: 0, count: 0 };
  for (const [title, situation] of Object.entries(SITUATIONS)) {
    const project = join(scratch, `${rows.length}`, situation.directory ?? `project-${cells.length}`);
    try {
      const { seconds, ...contents } = await install(manager, situation, project, tarball);
      cells.push(seconds.toFixed(1));
      if (title === 'prebuilt') size = contents;
      totals.passed += 1;
      console.log(`${name}, ${title}: ${seconds.toFixed(1)} s`);
    } catch (error) {
      cells.push('failed');
      const { stdout, stderr, message } = /** @type {Error & { stdout?: string, stderr?: string }} */ (error);
      totals.failures.push(`${name}, ${title}: ${[message, stdout, stderr].filter(Boolean).join('\n')}`);
    }
    rmSync(project, { recursive: true, force: true });
  }
  rows.push([...cells, `${size.count}`, (size.bytes / 1e6).toFixed(1)]);
}
if (values.only === undefined && totals.failures.length === 0) report('install', rows);
totals.close();
