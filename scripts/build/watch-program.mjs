// @ts-check
// scripts/build/watch-program.mjs [--check]: compiles native/watch/watch.bpf.c, and writes native/watch/watch_program.h, which is
// checked in: the build of the addon needs neither clang nor libbpf. `--check` compares instead.
//
// zig compiles the program (scripts/build/zig). Debian's bpftool makes a light skeleton of it: a second program, which has the
// kernel load the first one and adapt it to the kernel's own types (CO-RE). Needed: apt-get install bpftool libbpf-dev.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zigProgram } from '../npm-cache.mjs';

const watch = join(import.meta.dirname, '..', '..', 'native', 'watch');
const header = join(watch, 'watch_program.h');
const SOURCES = ['watch.bpf.c', 'watch_record.h'];

/** The digest of the sources, which the header states. */
export function sourceDigest() {
  const hash = createHash('sha256');
  for (const name of SOURCES) hash.update(readFileSync(join(watch, name)));
  return hash.digest('hex');
}

/** The words of a string in C that bpftool has written: bytes as \xNN, \0 or themselves. @param {string} text */
function bytesOf(text) {
  const [, string = ''] = /^"((?:\\\n|\\.|[^"\\])*)"/s.exec(text) ?? [];
  /** @type {Record<string, number>} */
  const named = { 0: 0, n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, '\\': 92, '"': 34, "'": 39, '?': 63 };
  const bytes = [];
  for (const [, hex, escaped, own = ''] of string
    .replaceAll('\\\n', '')
    .matchAll(/\\x([0-9a-f]{2})|\\(.)|(.)/gs)) {
    bytes.push(hex !== undefined ? Number.parseInt(hex, 16) : (named[escaped ?? ''] ?? own.charCodeAt(0)));
  }
  return bytes;
}

/** @param {string} skeleton @param {string} what */
function partOf(skeleton, what) {
  const [found = '', size] =
    new RegExp(`opts\\.${what}_sz = (\\d+);\\s+opts\\.${what} = \\(void \\*\\)`).exec(skeleton) ?? [];
  const bytes = bytesOf(skeleton.slice(skeleton.indexOf(found) + found.length));
  // C adds the last NUL of a string.
  if (found === '' || bytes.length !== Number(size))
    throw new Error(`${what}: ${bytes.length} bytes instead of ${size}`);
  return bytes;
}

/** @param {string} skeleton @param {string} type */
const namesOf = (skeleton, type) =>
  [...skeleton.slice(0, skeleton.indexOf('links;')).matchAll(new RegExp(`struct ${type} (\\w+);`, 'g'))].map(
    ([, name = '']) => name,
  );

/** @param {string} name @param {number[]} bytes */
function arrayText(name, bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 24) lines.push(`    ${bytes.slice(at, at + 24).join(',')},`);
  return `alignas(8) constexpr unsigned char ${name}[] = {\n${lines.join('\n')}\n};\n`;
}

/** @param {string} skeleton */
function headerText(skeleton) {
  const maps = namesOf(skeleton, 'bpf_map_desc');
  const programs = namesOf(skeleton, 'bpf_prog_desc');
  const constant = (/** @type {string} */ name) => `k${name[0]?.toUpperCase()}${name.slice(1)}Map`;
  return `// Written by scripts/build/watch-program.mjs. Sources: ${sourceDigest()}
#pragma once

namespace tracegate {

enum WatchMap { ${maps.map(constant).join(', ')}, kWatchMaps };
// ${programs.join(', ')}
constexpr unsigned kWatchPrograms = ${programs.length};

// For LoadBpf() of bpf_loader.h.
${arrayText('kWatchData', partOf(skeleton, 'data'))}
${arrayText('kWatchLoader', partOf(skeleton, 'insns'))}
}  // namespace tracegate
`;
}

function compiled() {
  const work = mkdtempSync(join(tmpdir(), 'tracegate-watch-'));
  try {
    const object = join(work, 'watch.bpf.o');
    const includes = [
      '/usr/include',
      `/usr/include/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`,
    ];
    // Without the directory's path, which -g would write into the program's types.
    const flags = [
      '-target',
      'bpfel-freestanding',
      '-g',
      '-O2',
      '-Wall',
      '-Werror',
      `-ffile-prefix-map=${watch}=.`,
    ];
    execFileSync(
      zigProgram(),
      ['cc', ...flags, ...includes.map(path => `-I${path}`), '-c', 'watch.bpf.c', '-o', object],
      { cwd: watch, stdio: 'inherit' },
    );
    return headerText(
      execFileSync('/usr/sbin/bpftool', ['gen', 'skeleton', '-L', object, 'name', 'watch'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const text = compiled();
  if (!process.argv.includes('--check')) {
    writeFileSync(header, text);
  } else if (text !== readFileSync(header, 'utf8')) {
    console.error(
      'watch-program.mjs: native/watch/watch_program.h is not what watch.bpf.c gives. Run this without --check.',
    );
    process.exitCode = 1;
  }
}
