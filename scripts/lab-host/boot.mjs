// @ts-check
// One boot: starts a kernel, carries the command's output, and says how it ended.
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
 * @property {(directory: string) => void} prepare writes what else the kernel needs into its directory
 * @property {(directory: string) => string[]} command program and arguments; the channels are descriptors 4, 5 and 6
 * @property {Record<string, string>} environment
 */
/** @typedef {{ code: number, reason?: string, console?: string }} Ending a failure has a reason */
/** @typedef {{ write: (chunk: Buffer) => boolean, once: (event: 'drain', listener: () => void) => void }} Sink */
/** @typedef {Omit<import('./guest-directory.mjs').Guest, 'devices' | 'mark'>} Guest */

const GUEST_FAILED = 70;
const TIMED_OUT = 124;

/** @type {Set<() => void>} */
const running = new Set();

/** Ends every guest at once and removes its traces; for signal handlers. */
export function killAll() {
  for (const kill of running) kill();
}

/**
 * @param {Machine} machine
 * @param {Guest} guest
 * @param {{ timeout: number, stdout: Sink, stderr: Sink }} options
 * @returns {Promise<Ending>}
 */
export async function boot(machine, guest, { timeout, stdout, stderr }) {
  const directory = newDirectoryName();
  const { channels, kill, closed } = start(directory, machine);
  const mark = `@${randomUUID()}`;
  const report = new Report();
  const outputs = [
    carry(channels.stdout, new MarkedStream(mark), stdout),
    carry(channels.stderr, new MarkedStream(mark), stderr),
  ];
  let consoleText = '';
  for (const stream of channels.console) {
    stream.on('data', chunk => {
      consoleText = lastLines(consoleText + chunk.toString('latin1'));
    });
  }
  channels.control.on('data', chunk => report.read(chunk.toString('latin1')));

  const isComplete = () =>
    report.verdict !== null && (!report.isRunning || outputs.every(output => output.isComplete));
  for (const stream of [channels.control, channels.stdout, channels.stderr]) {
    stream.on('data', () => isComplete() && kill());
  }
  /** @type {Ending | null} */
  let overdue = null;
  const timer = setTimeout(() => {
    overdue = { code: TIMED_OUT, reason: `timed out after ${timeout} s` };
    kill();
  }, timeout * 1000);

  try {
    writeGuestDirectory(directory, { ...guest, mark, devices: machine.devices });
    machine.prepare(directory);
    channels.life.write('start\n');
    const startError = await closed;
    for (const [index, sink] of [stdout, stderr].entries())
      sink.write(outputs[index]?.rest() ?? Buffer.alloc(0));
    if (isComplete() && report.verdict !== null) return { console: consoleText, ...report.verdict };
    const when = report.isRunning ? 'while the command ran' : 'before the command ran';
    const reason = startError?.message ?? `the guest ended ${when}, without an exit code`;
    return { console: consoleText, ...(overdue ?? { code: GUEST_FAILED, reason }) };
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
  // That the other end died is no error of the channel's: what is missing is seen from the report.
  for (const stream of child.stdio) stream?.on('error', () => {});

  const kill = () => {
    if (running.delete(kill) && child.pid !== undefined) killGroup(child.pid);
    // What has arrived is read to its end, even if it was held back for a slow reader.
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

/** Passes an output on, no faster than it is taken. @param {import('node:net').Socket} from @param {MarkedStream} through @param {Sink} to */
function carry(from, through, to) {
  from.on('data', chunk => {
    const bytes = through.read(chunk);
    if (bytes.length > 0 && !to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  return through;
}
