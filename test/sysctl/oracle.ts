// The real loaders in a directory, with their libraries and their loader of those, so that they run in any root.
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

const PROGRAMS = ['/lib/systemd/systemd-sysctl', '/usr/sbin/sysctl'];
const BUSYBOX = '/bin/busybox';

export function makeOracle(directory: string) {
  mkdirSync(directory);
  for (const program of PROGRAMS) {
    const used = execFileSync('ldd', [program], { encoding: 'utf8' });
    for (const [, path] of used.matchAll(/(\/\S+) \(0x/g))
      copyFileSync(path!, join(directory, nameOf(path!)));
    copyFileSync(program, join(directory, basename(program)));
  }
  copyFileSync(realpathSync(BUSYBOX), join(directory, 'busybox'));
  execFileSync('mknod', [join(directory, 'null'), 'c', '1', '3']);
}

const nameOf = (library: string) => (/\/ld-linux|\/ld64/.test(library) ? 'ld.so' : basename(library));

/** As `/oracle` of a root, which gets its /dev/null too. */
export function linkOracle(oracle: string, root: string) {
  mkdirSync(join(root, 'oracle'));
  for (const name of readdirSync(oracle)) linkSync(join(oracle, name), join(root, 'oracle', name));
  linkSync(join(oracle, 'null'), join(root, 'dev/null'));
}
