// @ts-check
// scripts/build/native.mjs [--strict]: compiles the addon and its programs by node-gyp, into native/build/Release. They
// then come before those of prebuilds/. A package that is installed needs this where no prebuilt file fits, and runs it
// by `node node_modules/tracegate/scripts/build/native.mjs`. It isn't an install script: pnpm fails for a package whose
// install scripts nobody has approved, and npm, Yarn and Bun warn.
//
// `--strict` is for ourselves: only what changed, and warnings are errors.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

const sources = join(import.meta.dirname, '..', '..', 'native');

/** What node-gyp's output says if something is missing, and the remedy. The first that fits counts. */
const CAUSES = [
  {
    sign: /Could not find any Python installation/,
    says: 'there is no python3. apt-get install python3, dnf install python3, or apk add python3',
  },
  {
    sign: /not found: make|make: (not found|No such file)/,
    says: 'there is no make. apt-get install make, dnf install make, or apk add make',
  },
  {
    sign: /(g\+\+|c\+\+|clang\+\+|cc)"?: (not found|No such file|command not found)/,
    says: 'there is no C++ compiler. apt-get install g++, dnf install gcc-c++, or apk add g++',
  },
  {
    sign: /-headers\.tar\.gz|ENOTFOUND|ECONNREFUSED|network connectivity/,
    says: 'the headers of this Node are neither beside it nor to be had by the network. Set npm_config_nodedir to a directory whose include/node has node_api.h',
  },
  {
    sign: /Cannot find module 'node-addon-api'/,
    says: 'the package node-addon-api is missing: install the dependencies of tracegate',
  },
  {
    sign: /EACCES|EROFS|Permission denied|Read-only file system/,
    says: `this user may not write to ${sources}`,
  },
  { sign: /ENOSPC|No space left on device/, says: 'the disk is full' },
];

const require = createRequire(import.meta.url);

/** node-gyp's program: of this project, of npm, or on the PATH. @returns {string | undefined} */
function nodeGyp() {
  const program = 'node-gyp/bin/node-gyp.js';
  try {
    return require.resolve(program);
  } catch {
    // npm has one of its own.
  }
  const directories = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const npm = directories.map(directory => join(directory, 'npm')).find(existsSync);
  const ofNpm = [
    npm && join(dirname(realpathSync(npm)), '..', 'node_modules', program),
    join(
      dirname(realpathSync(process.execPath)),
      '..',
      'lib',
      'node_modules',
      'npm',
      'node_modules',
      program,
    ),
  ];
  const onPath = directories.map(directory => join(directory, 'node-gyp'));
  return [...ofNpm, ...onPath].find(path => path !== undefined && existsSync(path));
}

/** The headers that came with this Node, if they did: then nothing is downloaded. @returns {string[]} */
function ownHeaders() {
  if (process.env.npm_config_nodedir) return [];
  const directory = join(dirname(realpathSync(process.execPath)), '..');
  const version = join(directory, 'include', 'node', 'node_version.h');
  if (!existsSync(version)) return [];
  const [major] = process.versions.node.split('.');
  const isOfThisNode = readFileSync(version, 'utf8').includes(`NODE_MAJOR_VERSION ${major}`);
  return isOfThisNode ? [`--nodedir=${directory}`] : [];
}

/** Its output is shown, and returned if it failed. @param {string} program @param {string[]} words */
async function failureOf(program, words) {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: sources,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const [stream, shown] of /** @type {const} */ ([
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ])) {
    stream.on('data', data => {
      output += data;
      shown.write(data);
    });
  }
  const [code] = await once(child, 'close');
  return code === 0 ? undefined : output;
}

/** @param {string} message */
function fail(message) {
  console.error(`\ntracegate: the addon could not be built: ${message}.`);
  process.exit(1);
}

if (process.platform !== 'linux') {
  console.error(
    `tracegate: nothing to build, this is ${process.platform} and the addon asks the Linux kernel.`,
  );
  process.exit();
}

const program = nodeGyp();
if (program === undefined) fail('there is no node-gyp. npm install --global node-gyp');
const steps = process.argv.includes('--strict')
  ? [
      ['configure', ...ownHeaders(), '--', '-Dwerror=1'],
      ['build', '--jobs', 'max'],
    ]
  : [['rebuild', '--jobs', 'max', ...ownHeaders()]];
for (const step of steps) {
  const output = await failureOf(/** @type {string} */ (program), step);
  if (output === undefined) continue;
  fail(CAUSES.find(({ sign }) => sign.test(output))?.says ?? 'see the first error above');
}
