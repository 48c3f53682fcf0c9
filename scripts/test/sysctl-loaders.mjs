// node scripts/test/sysctl-loaders.mjs: fetches the loaders of sysctl.d that Debian's releases have (systemd-sysctl, procps'
// sysctl, busybox), with their libraries, into a cache directory. It is quick if nothing is missing.
//
// The packages come from the mirror that this machine's apt uses for Debian, with apt's own checks. Lists, archives and the
// (empty) dpkg status are in a directory of their own: nothing is installed, and the machine's apt stays as it is.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CACHE } from '../npm-cache.mjs';

/** Debian 11, 12, 13, and the next. */
export const SUITES = ['bullseye', 'bookworm', 'trixie', 'forky'];
const PACKAGES = ['systemd', 'procps', 'busybox-static'];
const PROGRAMS = ['systemd-sysctl', 'sysctl', 'busybox'];
const PLACES = ['usr/lib/systemd', 'lib/systemd', 'usr/sbin', 'sbin', 'usr/bin', 'bin'];
const LOADERS = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** @param {string} suite */
export const loadersOf = suite => join(CACHE, 'sysctl-loaders', suite);

/** The suites whose loaders are in the cache. */
export const cachedSuites = () => SUITES.filter(suite => existsSync(loadersOf(suite)));

/** @param {string} program @param {readonly string[]} words @param {string} [cwd] */
const run = (program, words, cwd) =>
  execFileSync(program, words, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });

/** The mirror of this machine's own release, which has the other releases too. */
function mirror() {
  const targets = run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(CODENAME) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const own = targets.split('\n').map(line => line.split(' '));
  const main = own.find(([, codename, component]) => component === 'main' && /^[a-z]+$/.test(codename ?? ''));
  if (main?.[0] === undefined) throw new Error("apt's sources have no Debian release");
  return main[0];
}

/** @param {string} suite */
function fetchLoaders(suite) {
  mkdirSync(join(CACHE, 'sysctl-loaders'), { recursive: true });
  const work = mkdtempSync(join(CACHE, 'sysctl-loaders', '.fetching-'));
  try {
    const at = (/** @type {string} */ name) => join(work, name);
    for (const name of ['lists/partial', 'archives/partial', 'root', 'loaders'])
      mkdirSync(at(name), { recursive: true });
    writeFileSync(at('status'), '');
    writeFileSync(at('sources.list'), `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`);
    const apt = (/** @type {string[]} */ ...words) =>
      run('apt-get', [
        ...[
          'Dir::Etc::SourceList',
          'Dir::Etc::SourceParts',
          'Dir::State::Lists',
          'Dir::Cache::Archives',
          'Dir::State::Status',
        ].flatMap((name, index) => [
          '-o',
          `${name}=${[at('sources.list'), '-', at('lists'), at('archives'), at('status')][index]}`,
        ]),
        ...['-o', `APT::Sandbox::User=${userInfo().username}`, '-o', 'Debug::NoLocking=1', '-qq'],
        ...words,
      ]);
    apt('update');
    apt('install', '--download-only', '-y', '--no-install-recommends', ...PACKAGES);
    for (const name of readdirSync(at('archives'))) {
      if (name.endsWith('.deb')) run('dpkg-deb', ['-x', join(at('archives'), name), at('root')]);
    }
    // Of a merged /usr the packages have only the files in /usr.
    for (const name of ['bin', 'sbin', 'lib', 'lib64'])
      if (!existsSync(join(at('root'), name))) symlinkSync(`usr/${name}`, join(at('root'), name));
    collect(at('root'), at('loaders'));
    rmSync(loadersOf(suite), { recursive: true, force: true });
    renameSync(at('loaders'), loadersOf(suite));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The programs, their libraries and the loader of those, in one directory. @param {string} root @param {string} into */
function collect(root, into) {
  const real = (/** @type {string} */ path) => run('chroot', [root, '/bin/busybox', 'realpath', path]).trim();
  for (const program of PROGRAMS) {
    const found = PLACES.map(place => `/${place}/${program}`).find(path => existsSync(join(root, path)));
    if (found === undefined) throw new Error(`no package has ${program}`);
    copyFileSync(join(root, found), join(into, program));
    if (program === 'busybox') continue;
    const loader = LOADERS.find(path => existsSync(join(root, path)));
    if (loader === undefined) throw new Error("no package has the loader of this machine's libraries");
    const listed = run('chroot', [root, loader, '--list', found]);
    for (const [, path = ''] of listed.matchAll(/(\/\S+) \(0x/g)) {
      const name = /\/ld-linux/.test(path) ? 'ld.so' : basename(path);
      copyFileSync(join(root, real(path)), join(into, name));
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const suite of SUITES) if (!existsSync(loadersOf(suite))) fetchLoaders(suite);
}
