// Runs in a lab kernel, once at each scope: the programs of population.ts and their accesses, while `tracegate watch` records.
// Writes the recording and a log of what the programs did, which is the oracle.
import { once } from 'node:events';
import { copyFileSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildActor } from '../native/build-actor.mjs';
import { Actor } from '../scopes/actor.js';
import {
  type Access,
  commandsOf,
  drawAccesses,
  drawPrograms,
  type Program,
  stagingOf,
} from './population.js';
import { startWatch } from './recorder.js';

export interface Given {
  seed: number;
  programs: number;
  count: number;
  /** Where the files go, and dist/tracegate.cjs. */
  directory: string;
  command: string;
}

/** What a program did: pids, and the system call's answer, `0` or the errno's name. */
export interface Logged extends Pick<Access, 'way'> {
  tracer: number;
  target: number;
  answer: string;
  /** The kernel has asked the tracing rules. */
  isAsked: boolean;
}

export interface Log {
  scope: number;
  accesses: Logged[];
  /** Milliseconds that the accesses took. */
  took: number;
}

const given = JSON.parse(process.env.TRACEGATE_WATCHED ?? '{}') as Given;
const scope = Number(process.env.TRACEGATE_SCOPE);
/** In the lab it begins empty at each scope. Every uid may execute what is in it. */
const copies = '/tmp/programs';
const BATCH = 100;

async function makeCopies(count: number) {
  mkdirSync(copies, { mode: 0o755 });
  copyFileSync(await buildActor(), join(copies, 'program-0'));
  for (let at = 1; at < count; at++) linkSync(join(copies, 'program-0'), join(copies, `program-${at}`));
}

/**
 * A holder of CAP_PERFMON counts without a question to the rules (kernel/events/core.c, perf_check_permission()). The mode of
 * /proc/PID/mem, 0600, is asked first, and CAP_DAC_OVERRIDE passes it.
 */
function isAsked({ way }: Access, { credentials }: Program, owner: number | undefined): boolean {
  if (way === 'perf_event_open') return credentials.capabilities !== 'all';
  return way !== 'mem' || credentials.capabilities === 'all' || credentials.effective === owner;
}

async function main() {
  // Debian's 3 would refuse the call before it asks the rules.
  writeFileSync('/proc/sys/kernel/perf_event_paranoid', '1');
  await makeCopies(given.programs);
  const watch = await startWatch(given.command, join(given.directory, `scope-${scope}.ndjson`));
  const actor = await Actor.start({ TRACEGATE_ACTOR_COPIES: copies });
  const programs = drawPrograms(given.seed, given.programs);
  const staging = stagingOf(programs);
  const made = await actor.must(...staging);
  const pids = Object.fromEntries(programs.map(({ role }, at) => [role, Number(made[at])]));
  const program = new Map(programs.map(each => [each.role, each]));
  const owners = new Map(programs.map(({ role }) => [role, statSync(`/proc/${pids[role]}/mem`).uid]));
  const accesses: Logged[] = [];
  const drawn = drawAccesses(given.seed, programs, given.count);
  const began = performance.now();
  for (let at = 0; at < drawn.length; at += BATCH) {
    const batch = drawn.slice(at, at + BATCH).map(access => ({ access, ...commandsOf(access) }));
    const replies = await actor.run(...batch.flatMap(({ lines }) => lines));
    let first = 0;
    for (const { access, lines, at: asked } of batch) {
      const child = Number(replies[first]?.value);
      accesses.push({
        way: access.way,
        tracer: pids[access.tracer] ?? 0,
        target: access.way === 'traceme' ? child : (pids[access.target] ?? 0),
        answer: replies[first + asked]?.answer ?? '',
        isAsked: isAsked(access, program.get(access.tracer)!, owners.get(access.target)),
      });
      first += lines.length;
    }
  }
  const took = performance.now() - began;
  watch.kill('SIGTERM');
  await once(watch, 'exit');
  await actor.stop();
  const log: Log = { scope, accesses, took };
  writeFileSync(join(given.directory, `scope-${scope}.json`), JSON.stringify(log));
}

await main();
