// @ts-check
// Builds build/test/agent.bin, which build-actor.mjs puts into the actor: code that runs in whatever process it is copied
// to. x86-64 alone has it.
import { execFile } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const own = fileURLToPath(new URL('agent', import.meta.url));
export const agentPath = fileURLToPath(new URL('../../build/test/agent.bin', import.meta.url));

/** Of the processor that is built for: npm's setting for another one. */
export const hasAgent = (process.env.npm_config_arch ?? process.arch) === 'x64';

const FLAGS = [
  '-std=gnu17',
  '-Os',
  '-ffreestanding',
  '-nostdlib',
  '-fPIE',
  '-static',
  '-fvisibility=hidden',
  '-fno-stack-protector',
  '-fcf-protection=none',
  '-fno-jump-tables',
  '-fno-asynchronous-unwind-tables',
  '-fno-tree-loop-distribute-patterns',
  // Nothing of the other registers has to be kept then.
  '-mgeneral-regs-only',
  '-Wall',
  '-Wextra',
  '-Wpedantic',
  '-Wshadow',
  '-Wconversion',
  '-Werror',
  `-Wl,-T,${own}/agent.ld`,
  '-Wl,--oformat=binary',
  '-Wl,--build-id=none',
];

/** @param {readonly string[]} sources */
export async function buildAgent(sources) {
  await mkdir(dirname(agentPath), { recursive: true });
  const unfinished = `${agentPath}.${process.pid}`;
  try {
    await promisify(execFile)(process.env.CC ?? 'gcc', [...FLAGS, '-o', unfinished, ...sources]);
    await rename(unfinished, agentPath);
  } finally {
    await rm(unfinished, { force: true });
  }
}
