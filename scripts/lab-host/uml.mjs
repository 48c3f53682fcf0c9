// @ts-check
// User-Mode Linux: a kernel that is an ordinary host program, on the host's root file system through hostfs.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { onProcessor } from './processor.mjs';
import { cacheDirectory, findProgram, NotInstalledError, requireProgram } from './programs.mjs';

/** @typedef {import('./boot.mjs').Machine} Machine */

/** In the guest's directory, whose name needs no quoting: LD_PRELOAD knows none. */
const PRELOAD = 'large-xstate.so';

/**
 * @param {{ mem: number }} options
 * @returns {Machine}
 */
export function umlMachine({ mem }) {
  const program = requireProgram('linux.uml', 'linux');
  const preload = largeXstatePreload();
  return {
    devices: { control: '/dev/tty1', stdout: '/dev/tty2', stderr: '/dev/tty3' },
    prepare: directory => {
      if (preload !== null) copyFileSync(preload, `${directory}/${PRELOAD}`);
    },
    command: directory => [
      // A random processor, unless the caller of the lab has chosen one (scope-suite.mjs).
      ...onProcessor(process.pid),
      ...(preload === null ? [] : preloaded(`${directory}/${PRELOAD}`)),
      program,
      `mem=${mem / 2 ** 20}M`,
      'quiet',
      'noreboot', // Otherwise a restart runs the command once more.
      'root=hostfs',
      'rootfstype=hostfs',
      'rootflags=/',
      'rw',
      `init=${directory}/init`,
      `uml_dir=${directory}`,
      'con=null',
      'con0=null,fd:1',
      'con1=fd:4',
      'con2=null,fd:5',
      'con3=null,fd:6',
    ],
    environment: { TMPDIR: memoryDirectory(mem) },
  };
}

/** A guest process begins on a stack of one page, where the resolver of late binding has no room. @param {string} library */
function preloaded(library) {
  return ['/usr/bin/env', `LD_PRELOAD=${library}`, 'LD_BIND_NOW=1'];
}

/** Where the guest's memory, an unlinked file, is kept: a container's /dev/shm may be small or noexec. @param {number} bytes */
function memoryDirectory(bytes) {
  const mounted = readFileSync('/proc/self/mounts', 'latin1')
    .split('\n')
    .findLast(line => line.split(' ')[1] === '/dev/shm');
  if (mounted === undefined || /[ ,]noexec[ ,]/.test(mounted)) return tmpdir();
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize >= bytes ? '/dev/shm' : tmpdir();
}

/** Builds lab-uml/large_xstate.c, once for each state of its source, where the processor calls for it. */
function largeXstatePreload() {
  if (!/^flags\s*:.*\bamx_tile\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'))) return null;
  const source = fileURLToPath(new URL('../lab-uml/large_xstate.c', import.meta.url));
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const built = `${cacheDirectory()}/large-xstate-${digest}.so`;
  if (existsSync(built)) return built;
  const compiler = findProgram('cc', 'gcc', 'g++', 'clang');
  if (compiler === null) throw new NotInstalledError('this processor needs a C compiler for User-Mode Linux');
  mkdirSync(cacheDirectory(), { recursive: true });
  const unfinished = `${built}.${process.pid}`;
  execFileSync(compiler, ['-O2', '-shared', '-fPIC', '-x', 'c', '-o', unfinished, source], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(unfinished, built);
  return built;
}
