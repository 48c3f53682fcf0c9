// @ts-check
// The lab's command line: boots the asked kernel, runs the command at each scope, and exits as the command did.
import { constants } from 'node:os';
import { arm64Machine } from './arm64.mjs';
import { boot, killAll } from './boot.mjs';
import { callerDirectory, callerEnvironment, callerWords } from './caller.mjs';
import { helpText, parseOptions, UsageError } from './options.mjs';
import { NotInstalledError, requireProgram } from './programs.mjs';
import { qemuMachine } from './qemu.mjs';
import { umlMachine } from './uml.mjs';

const MACHINES = { uml: umlMachine, qemu: qemuMachine, arm64: arm64Machine };

/** @param {NodeJS.Signals} signal @returns {never} */
function endBy(signal) {
  killAll();
  process.exit(128 + constants.signals[signal]);
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => endBy(signal));
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    // The reader has gone (`| head -1`): end as a program in a pipeline does.
    if (error.code === 'EPIPE') endBy('SIGPIPE');
    throw error;
  });
}
process.on('exit', killAll);

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  killAll();
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = exitCodeOf(error);
}

/** @param {string[]} words */
async function main(words) {
  const options = parseOptions(words);
  if (options.help) {
    process.stdout.write(helpText());
    return 0;
  }
  const { kernel, timeout } = options;
  const machine = MACHINES[kernel](options);
  const guest = {
    kernel,
    busybox: requireProgram('busybox'),
    directory: callerDirectory(),
    environment: callerEnvironment(),
    command: callerWords(words.length).slice(options.commandAt),
    stdin: options.stdin ? await readStdin() : null,
  };

  // Scope 3 is last, since Yama can't lower it again.
  const scopes = options.scopes.toSorted((a, b) => Number(a === 3) - Number(b === 3));
  /** @type {Map<number, number>} */
  const codes = new Map();
  /** @param {import('./boot.mjs').Ending} ending */
  const onEnding = ({ scope, code, seconds, reason, console }) => {
    codes.set(scope, code);
    const isFailure = reason !== undefined && console?.trim();
    const tail = isFailure ? `${console?.trimEnd().replace(/^/gm, '  | ')}\n` : '';
    say(`${kernel}, scope ${scope}: ${reason ?? `exit ${code}`} (${seconds.toFixed(1)} s)`, tail);
  };
  const { stdout, stderr } = process;
  // One boot runs all scopes. If a guest fails, another boot runs the remaining scopes.
  while (codes.size < scopes.length) {
    const left = scopes.filter(scope => !codes.has(scope));
    await boot(machine, { ...guest, scopes: left }, { timeout, stdout, stderr, onEnding });
  }
  return options.scopes.map(scope => codes.get(scope)).find(code => code !== 0) ?? 0;
}

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

/** @param {unknown} error */
function exitCodeOf(error) {
  if (error instanceof UsageError) return 2;
  return error instanceof NotInstalledError ? 3 : 70;
}

/** @param {string} text @param {string} [before] */
function say(text, before = '') {
  process.stderr.write(`${before}lab: ${text}\n`);
}
