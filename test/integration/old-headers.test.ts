// The sources also compile with the headers of older C libraries: one without the calls that are made by number, and
// one before glibc 2.34, in which SIGSTKSZ became a call of sysconf.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../helpers/processes.js';

/** The newest call of Linux 5.0, with whose headers CentOS 8 and Debian 10 come, is below this number. */
const FIRST_MISSING = 424;

it('each source that makes a call by its number', () => {
  const native = join(ROOT, 'native');
  const sources = readdirSync(native, { recursive: true, encoding: 'utf8' }).filter(
    name => name.endsWith('.cc') && /\bSYS_|SIGSTKSZ/.test(readFileSync(join(native, name), 'utf8')),
  );
  expect(sources.length).toBeGreaterThan(5);
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-headers-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const numbers = spawnSync('g++', ['-E', '-dM', '-include', 'sys/syscall.h', '-x', 'c++', '/dev/null'], {
    encoding: 'utf8',
  }).stdout;
  const missing = [...numbers.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].filter(
    ([, , number]) => Number(number) >= FIRST_MISSING,
  );
  expect(missing.length).toBeGreaterThan(10);
  const header = join(directory, 'old.h');
  writeFileSync(
    header,
    [
      '#include <signal.h>',
      '#include <sys/syscall.h>',
      '#include <unistd.h>',
      ...missing.flatMap(([, name]) => [`#undef SYS_${name}`, `#undef __NR_${name}`]),
      '#undef SIGSTKSZ',
      '#define SIGSTKSZ 8192',
      '#undef _SC_SIGSTKSZ',
      '#define _SC_SIGSTKSZ not_yet_there',
    ].join('\n'),
  );
  const options = [
    '-std=c++17',
    '-D_GNU_SOURCE',
    '-fsyntax-only',
    '-Wall',
    '-Werror',
    '-I.',
    '-include',
    header,
  ];
  const { status, stderr } = spawnSync('g++', [...options, ...sources], { cwd: native, encoding: 'utf8' });
  expect([stderr, status]).toEqual(['', 0]);
});
