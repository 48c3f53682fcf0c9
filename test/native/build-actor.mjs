// @ts-check
// Builds build/test/actor, the oracle of test/scopes, when its sources are newer: `node test/native/build-actor.mjs`.
// Best done on the host before the lab boots, where it is much faster.
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { agentPath, buildAgent, hasAgent } from './build-agent.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const own = `${root}test/native`;
/** The product's answers come from its own code. */
const product = [
  'probe/access_calls',
  'probe/access_probe',
  'probe/asking_child',
  'probe/attach_probe',
  'probe/perf_event',
  'probe/seccomp_gate',
  'probe/security_modules',
  'proc/process_directory',
  'proc/status_line',
].map(name => `${root}native/${name}.cc`);

export const actorPath = `${root}build/test/actor`;

/** @param {string} path */
async function modified(path) {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.NEGATIVE_INFINITY,
  );
}

/** @param {string} directory */
async function filesIn(directory) {
  return (await readdir(directory, { recursive: true })).map(name => `${directory}/${name}`);
}

/** The path of an actor that is as new as its sources. */
export async function buildActor() {
  const sources = (await filesIn(own)).filter(path => path.endsWith('.cc'));
  const headers = [...(await filesIn(own)), ...(await filesIn(`${root}native`))].filter(path =>
    path.endsWith('.h'),
  );
  const agent = await filesIn(`${own}/agent`);
  const builders = ['actor', 'agent'].map(name => `${own}/build-${name}.mjs`);
  const inputs = await Promise.all([...sources, ...headers, ...product, ...agent, ...builders].map(modified));
  if ((await modified(actorPath)) > Math.max(...inputs)) return actorPath;

  if (hasAgent) await buildAgent(agent.filter(path => path.endsWith('.c')));
  await mkdir(dirname(actorPath), { recursive: true });
  // Renamed when it is whole: test files that start together may build together.
  const unfinished = `${actorPath}.${process.pid}`;
  const flags = [
    '-std=c++17',
    '-O1',
    '-D_GNU_SOURCE',
    // A variable's address is then the same in a process that has executed it again.
    '-fno-pie',
    '-no-pie',
    '-Wall',
    '-Wextra',
    '-Wpedantic',
    '-Wshadow',
    '-Werror',
  ];
  /** @param {string[]} extra */
  const compile = (...extra) =>
    promisify(execFile)(
      process.env.CXX ?? 'g++',
      [
        ...flags,
        ...extra,
        `-I${root}native`,
        `-DAGENT_PATH="${agentPath}"`,
        '-pthread',
        '-o',
        unfinished,
        ...sources,
        ...product,
      ],
      // zig, which compiles its C++ library at the first use, has much to warn of there.
      { maxBuffer: 2 ** 30 },
    );
  try {
    // Static, because it forks three times as fast in User-Mode Linux; not every system has the libraries for it.
    await compile('-static').catch(() => compile());
    // Roles of every uid execute it again.
    await chmod(unfinished, 0o755);
    await rename(unfinished, actorPath);
  } finally {
    await rm(unfinished, { force: true });
  }
  return actorPath;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildActor());
