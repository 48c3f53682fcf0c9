// @ts-check
// The lab's command line: boots the asked kernel once for each scope, and exits as the command did.
import { constants } from 'node:os';
import { boot, killAll } from './boot.mjs';
import { callerDirectory, callerEnvironment, callerWords } from './caller.mjs';
import { HeldOutput } from './held-output.mjs';
import { helpText, parseOptions, UsageError } from './options.mjs';
import { NotInstalledError, requireProgram } from './programs.mjs';
import { qemuMachine } from './qemu.mjs';
import { umlMachine } from './uml.mjs';

const MACHINES = { uml: umlMachine, qemu: qemuMachine };

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
  const { kernel, scopes, timeout } = options;
  const machine = MACHINES[kernel](options);
  const guest = {
    kernel,
    busybox: requireProgram('busybox'),
    directory: callerDirectory(),
    environment: callerEnvironment(),
    command: callerWords(words.length).slice(options.commandAt),
    stdin: options.stdin ? await readStdin() : null,
  };

  /** @type {number[]} */
  const codes = [];
  const held = new HeldOutput(scopes.length, options.jobs > 1);
  const waiting = scopes.entries();
  const worker = async () => {
    for (const [index, scope] of waiting) {
      const start = performance.now();
      const { stdout, stderr } = held.part(index);
      const ending = await boot(machine, { ...guest, scope }, { timeout, stdout, stderr });
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      codes[index] = ending.code;
      const tail =
        ending.reason !== undefined && ending.console?.trim()
          ? `${ending.console.trimEnd().replace(/^/gm, '  | ')}\n`
          : '';
      const verdict = ending.reason ?? `exit ${ending.code}`;
      stderr.write(Buffer.from(`${tail}lab: ${kernel}, scope ${scope}: ${verdict} (${seconds} s)\n`));
      held.finish(index);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, worker));
  return codes.find(code => code !== 0) ?? 0;
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

/** @param {string} text */
function say(text) {
  process.stderr.write(`lab: ${text}\n`);
}
