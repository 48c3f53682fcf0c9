// @ts-check
// scripts/build/prebuilds.mjs [linux-x64 …] [--check]: compiles what the package ships, prebuilds/linux-ARCH/, with zig's
// compiler for other machines (scripts/build/zig), from native/binding.gyp. Prints size, needed versions of the C library
// and digest of each file. `--check` builds again in another directory, without zig's cache, and compares the digests.
//
// The addon is Node-API, so one file serves every Node; it is there for each C library. The programs are static, and the
// libraries that `run` preloads need what glibc and musl both have: one file serves both. The oldest glibc is that of
// Node 20's own builds. zig links libc++ into each file, so no file needs a C++ library.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { zigCompilers } from './zig/compilers.mjs';

const OLDEST_GLIBC = '2.28';
const PROGRAMS = ['tracegate-helper', 'tracegate-attacker', 'tracegate-launch'];
/** For `run --deny=preload` and `run --ptracer tree`. */
const PRELOADED = ['tracegate-preload.so', 'tracegate-tree.so'];

/** What each of zig's targets gives to a directory of prebuilds/. */
const PARTS = [
  { libc: 'glibc', abi: `linux-gnu.${OLDEST_GLIBC}`, targets: ['tracegate'] },
  { libc: 'musl', abi: 'linux-musl', targets: ['tracegate', ...PROGRAMS, ...PRELOADED] },
];
/** @type {Record<string, string>} */
const CPUS = { 'linux-x64': 'x86_64', 'linux-arm64': 'aarch64' };

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
});
const platforms = positionals.length > 0 ? positionals : Object.keys(CPUS);
const unknown = platforms.filter(platform => !(platform in CPUS));
if (unknown.length > 0) {
  console.error(`prebuilds.mjs: ${unknown} is not among ${Object.keys(CPUS).join(', ')}`);
  process.exit(2);
}

/**
 * Compiles one part in a directory of its own.
 *
 * @param {string} work @param {string} platform @param {(typeof PARTS)[number]} part @param {string} into
 * @param {NodeJS.ProcessEnv} env
 */
async function buildPart(work, platform, { libc, abi, targets }, into, env) {
  mkdirSync(work, { recursive: true });
  cpSync(join(root, 'native'), join(work, 'native'), {
    recursive: true,
    filter: source => source !== join(root, 'native', 'build'),
  });
  symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'));
  const tools = zigCompilers(join(work, 'bin'), `${CPUS[platform]}-${abi}`);
  const gyp = join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const options = {
    cwd: join(work, 'native'),
    env: { ...process.env, ...env, ...tools },
    maxBuffer: 2 ** 30,
  };
  const defines = ['--', '-Dprebuilt=1'];
  const arch = `--arch=${platform.slice('linux-'.length)}`;
  const headers = `--nodedir=${join(dirname(process.execPath), '..')}`;
  await run(process.execPath, [gyp, 'configure', arch, headers, ...defines], options);
  await run(process.execPath, [gyp, 'build', '--jobs', 'max', ...targets], options);
  for (const target of targets) {
    const name = target === 'tracegate' ? `tracegate.${libc}.node` : target;
    const built = target === 'tracegate' ? 'tracegate.node' : target;
    cpSync(join(work, 'native', 'build', 'Release', built), join(into, name));
    chmodSync(join(into, name), 0o755);
  }
}

/** @param {string} platform @param {string} into @param {NodeJS.ProcessEnv} [env] */
async function buildPlatform(platform, into, env = {}) {
  const work = mkdtempSync(join(tmpdir(), 'tracegate-prebuilds-'));
  try {
    mkdirSync(into, { recursive: true });
    for (const part of PARTS) await buildPart(join(work, part.libc), platform, part, into, env);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** @param {string} file */
const digestOf = file => createHash('sha256').update(readFileSync(file)).digest('hex');

/** The newest version of glibc whose symbols a file needs, and the libraries that it names. @param {string} file */
function neededBy(file) {
  const text = execFileSync('readelf', ['-W', '--dyn-syms', '--dynamic', file], { encoding: 'utf8' });
  const versions = [...text.matchAll(/@GLIBC_([\d.]+)/g)].map(([, version]) => version ?? '');
  const [newest] = versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const libraries = [...text.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
  return { glibc: newest ?? null, libraries };
}

const failures = [];
for (const platform of platforms) {
  const directory = join(root, 'prebuilds', platform);
  rmSync(directory, { recursive: true, force: true });
  await buildPlatform(platform, directory);
  for (const name of readdirSync(directory).sort()) {
    const file = join(directory, name);
    const { glibc, libraries } = neededBy(file);
    const needs = libraries.length > 0 ? libraries.join(' ') : 'no library';
    console.log(
      [
        `${platform}/${name}`.padEnd(36),
        `${readFileSync(file).length} bytes`.padStart(14),
        glibc === null ? needs : `${needs}, up to GLIBC_${glibc}`,
        digestOf(file),
      ].join('  '),
    );
    if (glibc !== null && glibc.localeCompare(OLDEST_GLIBC, 'en', { numeric: true }) > 0) {
      failures.push(`${platform}/${name} needs GLIBC_${glibc}`);
    }
  }
  if (!values.check) continue;
  const again = mkdtempSync(join(tmpdir(), 'tracegate-prebuilds-again-'));
  const caches = { ZIG_LOCAL_CACHE_DIR: join(again, 'local'), ZIG_GLOBAL_CACHE_DIR: join(again, 'global') };
  try {
    await buildPlatform(platform, join(again, platform), caches);
    for (const name of readdirSync(directory)) {
      const isSame = digestOf(join(directory, name)) === digestOf(join(again, platform, name));
      if (!isSame) failures.push(`${platform}/${name} differs in a second build`);
    }
  } finally {
    rmSync(again, { recursive: true });
  }
}
for (const failure of failures) console.error(`FAILED ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
