import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mayExecute, publicDirectory } from './public-copy.js';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));
// Not in build/, which node-gyp empties, and not in /tmp, which is everybody's.
const cache = fileURLToPath(new URL('../../node_modules/.cache/tracegate-fixtures', import.meta.url));
mkdirSync(cache, { recursive: true, mode: 0o755 });

// Other users execute them too: in a clone that they can't look into, each test file compiles for itself.
const NOBODY = { uid: 65534, gid: 65534 };
export const PROGRAMS = process.getuid?.() === 0 && !mayExecute(cache, NOBODY) ? publicDirectory() : cache;

/** For a static program. Where zig compiles (scripts/test/arm64.mjs), it has no static glibc. */
export const STATIC_OPTIONS =
  process.env.npm_config_arch === 'arm64' || process.env.TRACEGATE_LAB === 'arm64'
    ? ['-target', 'aarch64-linux-musl', '-static']
    : ['-static'];

const FLAGS = ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-pthread'];

/** The program, or with other `options` the library, that test/fixtures/`source` makes, compiled once per version of the source. */
export function compile(source: string, options: readonly string[] = []): string {
  const from = join(fixtures, source);
  const built = [process.env.npm_config_arch ?? process.arch, ...options].join('\0');
  const digest = createHash('sha256').update(readFileSync(from)).update(built).digest('hex');
  const program = join(PROGRAMS, `${basename(source, '.c')}-${digest.slice(0, 16)}`);
  if (existsSync(program)) return program;
  if (process.env.TRACEGATE_LAB !== undefined && PROGRAMS === cache)
    throw new Error(
      `${source} is not built yet: add it to test/scopes/prepare.ts, which runs before the boot`,
    );

  // Another test file may be compiling it too, also in a lab of the same pids: a program appears whole or not at all.
  const unfinished = `${program}.${randomUUID()}`;
  execFileSync(process.env.CC ?? 'cc', [...FLAGS, ...options, '-o', unfinished, from], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  renameSync(unfinished, program);
  return program;
}
