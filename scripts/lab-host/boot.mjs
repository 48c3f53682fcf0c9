// @ts-check
// One boot: starts a kernel, passes on the command's output at each scope, and reports how the command ended at each scope.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lastLines } from './console.mjs';
import { newDirectoryName, writeGuestDirectory } from './guest-directory.mjs';
import { MarkedStream } from './marked-stream.mjs';
import { Report } from './report.mjs';

/**
 * @typedef {object} Machine
 * @property {{ control: string, stdout: string, stderr: string }} devices the guest's names of the channels
 * @property {(directory: string) => void} prepare writes the other files that the kernel needs into its directory
 * @property {(directory: string) => string[]} command program and arguments; the channels are descriptors 4, 5 and 6
 * @property {Record<string, string>} environment
 */
/** @typedef {{ scope: number, code: number, seconds: number, reason?: string, console?: string }} Ending a failure has a reason */
/** @typedef {import('node:stream').Writable} Sink */
/** @typedef {Omit<import('./guest-directory.mjs').Guest, 'devices' | 'mark'>} Guest */
/** @typedef {{ timeout: number, stdout: Sink, stderr: Sink, onEnding: (ending: Ending) => void }} BootOptions */

const GUEST_FAILED = 70;
const TIMED_OUT = 124;

/** @type {Set<() => void>} */
const running = new Set();

/** Ends every guest at once and removes its traces; for signal handlers. */
export function killAll() {
  for (const kill of running) kill();
}

/**
 * Runs the guest's command at its scopes, one after the other, and calls `onEnding` for each scope. A failure ends the guest,
 * so the scopes after a failed one don't run.
 *
 * @param {Machine} machine
 * @param {Guest} guest
 * @param {BootOptions} options
 */
export async function boot(machine, guest, { timeout, stdout, stderr, onEnding }) {
  const directory = newDirectoryName();
  const { channels, kill, closed } = start(directory, machine);
  const mark = `@${randomUUID()}`;
  let consoleText = '';
  for (const stream of channels.console) {
    stream.on('data', chunk => {
      consoleText = lastLines(consoleText + chunk.toString('latin1'));
    });
  }

  let index = 0;
  let report = new Report();
  let outputs = [new MarkedStream(mark), new MarkedStream(mark)];
  let begin = performance.now();
  let isOverdue = false;
  const expire = () => {
    isOverdue = true;
    kill();
  };
  let timer = setTimeout(expire, timeout * 1000);

  /** @param {{ code: number, reason?: string }} verdict */
  const end = verdict => {
    clearTimeout(timer);
    const seconds = (performance.now() - begin) / 1000;
    onEnding({ scope: guest.scopes[index++] ?? Number.NaN, seconds, console: consoleText, ...verdict });
  };
  /** The scope is over when the guest has said so, and has marked the end of both outputs. */
  const step = () => {
    const { verdict, isRunning } = report;
    // Output that was held back for a slow reader may come after the last ending.
    if (
      index === guest.scopes.length ||
      verdict === null ||
      (isRunning && !outputs.every(output => output.isComplete))
    )
      return;
    end(verdict);
    if (!isRunning || index === guest.scopes.length) {
      index = guest.scopes.length;
      kill();
      return;
    }
    report = new Report();
    outputs = [new MarkedStream(mark), new MarkedStream(mark)];
    begin = performance.now();
    timer = setTimeout(expire, timeout * 1000);
    channels.control.write('next\n');
  };
  channels.control.on('data', chunk => {
    report.read(chunk.toString('latin1'));
    step();
  });
  carry(channels.stdout, chunk => outputs[0]?.read(chunk), stdout, step);
  carry(channels.stderr, chunk => outputs[1]?.read(chunk), stderr, step);

  try {
    writeGuestDirectory(directory, { ...guest, mark, devices: machine.devices });
    machine.prepare(directory);
    channels.life.write('start\n');
    const startError = await closed;
    for (const [at, sink] of [stdout, stderr].entries()) sink.write(outputs[at]?.rest() ?? Buffer.alloc(0));
    if (index === guest.scopes.length) return;
    const when = report.isRunning ? 'while the command ran' : 'before the command ran';
    const reason = startError?.message ?? `the guest ended ${when}, without an exit code`;
    end(
      isOverdue
        ? { code: TIMED_OUT, reason: `timed out after ${timeout} s` }
        : { code: GUEST_FAILED, reason },
    );
  } finally {
    clearTimeout(timer);
    kill();
  }
}

/**
 * Starts the kernel in a session and process group of its own, so that one signal reaches all of its processes.
 * @param {string} directory
 * @param {Machine} machine
 */
function start(directory, machine) {
  const launcher = fileURLToPath(new URL('launch.sh', import.meta.url));
  const child = spawn('/bin/sh', [launcher, directory, ...machine.command(directory)], {
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: directory, ...machine.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [, out, err, life, control, stdout, stderr] = /** @type {import('node:net').Socket[]} */ (
    /** @type {unknown} */ (child.stdio)
  );
  // An error of the other end is ignored here, because the report shows any missing output.
  for (const stream of child.stdio) stream?.on('error', () => {});

  const kill = () => {
    if (running.delete(kill) && child.pid !== undefined) killGroup(child.pid);
    // Output that has arrived is read to its end, even if a slow reader held it back.
    for (const stream of [stdout, stderr]) stream?.resume();
    rmSync(directory, { recursive: true, force: true });
  };
  running.add(kill);
  child.on('exit', kill);
  /** @type {Promise<Error | null>} settles when no process holds a channel any more */
  const closed = new Promise(resolve => {
    child.on('error', error => {
      running.delete(kill);
      resolve(error);
    });
    child.on('close', () => resolve(null));
  });
  const channels =
    /** @type {Record<'life' | 'control' | 'stdout' | 'stderr', import('node:net').Socket>} */ ({
      life,
      control,
      stdout,
      stderr,
    });
  return {
    channels: { ...channels, console: [out, err].filter(stream => stream !== undefined) },
    kill,
    closed,
  };
}

/** The group exists as long as launch.sh's watcher does, so its number can't have gone to others. @param {number} group */
function killGroup(group) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/**
 * Passes an output on, no faster than its reader takes it.
 * @param {import('node:net').Socket} from @param {(chunk: Buffer) => Buffer | undefined} through @param {Sink} to
 * @param {() => void} then
 */
function carry(from, through, to, then) {
  from.on('data', chunk => {
    const bytes = through(chunk);
    if (bytes !== undefined && bytes.length > 0 && !to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
    then();
  });
}
