// The real loaders of several releases. Each release is a directory that has the programs with their libraries and their
// loader of those, so that they run in any root.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cachedSuites, loadersOf } from '../../scripts/test/sysctl-loaders.mjs';

export interface Oracle {
  /** Of the files that its loaders leave: nothing for this machine's own, otherwise the suite of Debian. */
  prefix: string;
  directory: string;
  /** The releases of its programs, as they say themselves. */
  versions: { 'systemd-sysctl': string; procps: string; busybox: string };
  /** The ways of loading that are tried: those of WAYS, compare.ts. */
  ways: readonly string[];
}

/** The programs alone, without the scripts that call them. */
const DIRECT = ['systemd-sysctl', 'procps', 'busybox'];
const ALL = [...DIRECT, 'void-procps', 'void-busybox', 'alpine-procps', 'alpine-busybox'];

const PROGRAMS = ['/lib/systemd/systemd-sysctl', '/usr/sbin/sysctl'];
const BUSYBOX = '/bin/busybox';

/** This machine's own programs. */
function collectHost(directory: string) {
  mkdirSync(directory);
  for (const program of PROGRAMS) {
    const used = execFileSync('ldd', [program], { encoding: 'utf8' });
    for (const [, path] of used.matchAll(/(\/\S+) \(0x/g))
      copyFileSync(path!, join(directory, nameOf(path!)));
    copyFileSync(program, join(directory, basename(program)));
  }
  copyFileSync(realpathSync(BUSYBOX), join(directory, 'busybox'));
}

const nameOf = (library: string) => (/\/ld-linux|\/ld64/.test(library) ? 'ld.so' : basename(library));

function oracleAt(prefix: string, directory: string, ways: readonly string[]): Oracle {
  const run = (...words: string[]) =>
    execFileSync(words[0]!, words.slice(1), { encoding: 'utf8' }).match(
      /(?:procps-ng |BusyBox v)([\d.]+)/,
    )?.[1];
  const shared = readdirSync(directory)
    .join()
    .match(/libsystemd-shared-(\d+)/)?.[1];
  const procps = run(
    join(directory, 'ld.so'),
    '--library-path',
    directory,
    join(directory, 'sysctl'),
    '--version',
  );
  const busybox = run(join(directory, 'busybox'));
  if (!shared || !procps || !busybox)
    throw new Error(`${directory} has a program that doesn't say its release`);
  return { prefix, directory, versions: { 'systemd-sysctl': shared, procps, busybox }, ways };
}

/** Which of Debian's releases are tried beside this machine's programs, by the programs alone or by the scripts too. */
export type Suites = 'none' | 'programs' | 'scripts';

/** This machine's own, and those of the cache that are other releases, below the new directory `into`. */
export function makeOracles(into: string, suites: Suites): Oracle[] {
  mkdirSync(into);
  collectHost(join(into, 'host'));
  execFileSync('mknod', [join(into, 'null'), 'c', '1', '3']);
  const oracles = [oracleAt('', join(into, 'host'), ALL)];
  const releases = ({ versions }: Oracle) => JSON.stringify(versions);
  for (const suite of suites === 'none' ? [] : cachedSuites()) {
    cpSync(loadersOf(suite), join(into, suite), { recursive: true });
    const oracle = oracleAt(`${suite}.`, join(into, suite), suites === 'scripts' ? ALL : DIRECT);
    if (oracles.every(other => releases(other) !== releases(oracle))) oracles.push(oracle);
  }
  return oracles;
}
