import { spawn, spawnSync } from 'node:child_process';
import { TracegateError } from '../errors.js';
import { isError } from '../is-error.js';
import { type Capability, capabilityMask } from './capabilities.js';
import { native, nativeProgram } from './native.js';
import { remedyForRefusal } from './permission-model.js';
import { isSystemError } from './proc-files.js';

/** The ids and capabilities of a process that asks. */
export interface Credentials {
  /** The real, effective and saved uid. */
  uid: number;
  gid: number;
  /** None by default. */
  capabilities?: readonly Capability[];
}

/** `child`: a child of this process, with our credentials. Otherwise an unrelated process with these credentials. */
export type Asker = 'child' | Credentials;

export type HelperCommand = `access ${number}` | `seize ${number}` | `attach ${number}` | 'traceme';

/** The reply of native/helper/main.cc: an answer with the call that gave it, or the failed call that prevented the question. */
export type HelperReply =
  /** The call that answered, as native/syscall/result.h, PackAnsweringCall(), encodes it. */
  | { state: 'answered'; error: number; answeringCall: number }
  | { state: 'failed'; syscall: string; error: number };

/** The arguments as native/helper/main.cc reads them. */
export function credentialWords({ uid, gid, capabilities = [] }: Credentials): string[] {
  return [`${uid}`, `${gid}`, capabilityMask(capabilities).toString(16)];
}

const argumentsFor = (asker: Asker) =>
  asker === 'child' ? ['child'] : ['orphan', ...credentialWords(asker)];

// The helper gets no environment of ours: an LD_PRELOAD meant for Node must not affect the helper.
export const SEALED = { env: {}, cwd: '/' };

/**
 * Waits for an adopted stranger (this process is init of a pid namespace, or a subreaper). No other code waits for it.
 */
export function reapIfOurs(readyLine: string): void {
  const [, pid, parent] = /^ready (\d+) (\d+)$/.exec(readyLine) ?? [];
  if (pid !== undefined && Number(parent) === process.pid) native().reapOrphan(Number(pid));
}

function parseReply(output: string): HelperReply {
  const [first = '', second = ''] = output.split('\n');
  reapIfOurs(first);
  const failed = /^failed (\S+) (\d+)$/.exec(first);
  if (failed) return { state: 'failed', syscall: failed[1] ?? '', error: Number(failed[2]) };
  const answer = /^(\d+) (\d+)$/.exec(second);
  if (!first.startsWith('ready ') || !answer) {
    throw new TracegateError(
      'ERR_TRACEGATE_HELPER_FAILED',
      `the helper program ended without an answer (it said ${JSON.stringify(output)}): was it killed, or is it of another machine?`,
    );
  }
  return { state: 'answered', error: Number(answer[1]), answeringCall: Number(answer[2]) };
}

export function startFailure(error: Error, program = 'the helper program'): Error {
  if (error instanceof TracegateError) return error;
  const remedy = remedyForRefusal(error);
  return new TracegateError(
    'ERR_TRACEGATE_HELPER_FAILED',
    `${program} can't be started: ${error.message}${remedy === null ? '' : ` (${remedy})`}`,
    { cause: error },
  );
}

/** Node's permission model throws an exception where the system would report an error. */
export function started<T>(start: () => T): T {
  native(); // the addon's cleanup waits for helpers of a thread that ends
  try {
    return start();
  } catch (error) {
    throw isError(error) ? startFailure(error) : error;
  }
}

export function askHelperSync(asker: Asker, command: HelperCommand): HelperReply {
  const { stdout, error } = started(() =>
    spawnSync(nativeProgram('tracegate-helper'), argumentsFor(asker), {
      ...SEALED,
      stdio: ['pipe', 'pipe', 'inherit'],
      input: `${command}\n`,
      encoding: 'latin1',
    }),
  );
  // A failed helper doesn't read its input, which gives EPIPE. Its output has the reason.
  if (error && !(isSystemError(error) && error.code === 'EPIPE')) throw startFailure(error);
  return parseReply(stdout);
}

export async function askHelper(asker: Asker, command: HelperCommand): Promise<HelperReply> {
  const helper = started(() =>
    spawn(nativeProgram('tracegate-helper'), argumentsFor(asker), {
      ...SEALED,
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  const output = await new Promise<string>((resolve, reject) => {
    let text = '';
    helper.once('error', error => reject(startFailure(error)));
    // 'close' rather than 'exit': the started process ends at once, and its orphan goes on.
    helper.once('close', () => resolve(text));
    // Both streams are missing if the process could not be started, for example without free descriptors. Then 'error'
    // tells.
    helper.stdout?.setEncoding('latin1').on('data', chunk => {
      text += chunk;
    });
    helper.stdin?.once('error', () => {});
    helper.stdin?.end(`${command}\n`);
  });
  return parseReply(output);
}
