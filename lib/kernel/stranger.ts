import { spawn, spawnSync } from 'node:child_process';
import { TracegateError } from '../errors.js';
import { type Capability, capabilityMask } from './capabilities.js';
import { builtProgram, native, nativeUnavailable } from './native.js';
import { isSystemError } from './proc-files.js';

export interface Credentials {
  uid: number;
  gid: number;
  capabilities?: readonly Capability[];
}

/** `child`: of ours, with our credentials; otherwise an unrelated process with these. */
export type Asker = 'child' | Credentials;

export type HelperCommand = `access ${number}` | `seize ${number}` | `attach ${number}` | 'traceme';

/** What native/helper/main.cc said: an answer with its witness, or the call that kept it from becoming that asker. */
export type HelperReply =
  /** `witness` as native/syscall/result.h, PackWitness(), has it. */
  { state: 'answered'; error: number; witness: number } | { state: 'failed'; syscall: string; error: number };

/** As native/helper/main.cc reads them. */
export function credentialWords({ uid, gid, capabilities = [] }: Credentials): string[] {
  return [`${uid}`, `${gid}`, capabilityMask(capabilities).toString(16)];
}

const argumentsFor = (asker: Asker) =>
  asker === 'child' ? ['child'] : ['orphan', ...credentialWords(asker)];

// Nothing of our environment: an LD_PRELOAD meant for Node has no business in the helper.
export const SEALED = { env: {}, cwd: '/' };

/** A stranger whom we adopted (we are init of a pid namespace, or a subreaper) is waited for by nobody else. */
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
      `the helper program ended without an answer (it said ${JSON.stringify(output)}): was it killed, or built for another machine (npm rebuild tracegate)?`,
    );
  }
  return { state: 'answered', error: Number(answer[1]), witness: Number(answer[2]) };
}

export function startFailure(error: Error): Error {
  if (isSystemError(error) && error.code === 'ENOENT') return nativeUnavailable(error);
  const isForbidden = isSystemError(error) && error.code === 'ERR_ACCESS_DENIED';
  const remedy = isForbidden ? ' (start Node with --allow-child-process)' : '';
  return new TracegateError(
    'ERR_TRACEGATE_HELPER_FAILED',
    `the helper program can't be started: ${error.message}${remedy}`,
    { cause: error },
  );
}

/** Node's permission model throws where the system would report. */
export function started<T>(start: () => T): T {
  native(); // its end waits for helpers that this thread starts and then is too dead to wait for
  try {
    return start();
  } catch (error) {
    throw error instanceof Error ? startFailure(error) : error;
  }
}

export function askHelperSync(asker: Asker, command: HelperCommand): HelperReply {
  const { stdout, error } = started(() =>
    spawnSync(builtProgram('tracegate-helper'), argumentsFor(asker), {
      ...SEALED,
      stdio: ['pipe', 'pipe', 'inherit'],
      input: `${command}\n`,
      encoding: 'latin1',
    }),
  );
  // A helper that failed doesn't read its input: what it said tells why.
  if (error && !(isSystemError(error) && error.code === 'EPIPE')) throw startFailure(error);
  return parseReply(stdout);
}

export async function askHelper(asker: Asker, command: HelperCommand): Promise<HelperReply> {
  const helper = started(() =>
    spawn(builtProgram('tracegate-helper'), argumentsFor(asker), {
      ...SEALED,
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  const output = await new Promise<string>((resolve, reject) => {
    let text = '';
    helper.once('error', error => reject(startFailure(error)));
    // 'close' rather than 'exit': the process that Node started ends at once, its orphan goes on.
    helper.once('close', () => resolve(text));
    // Neither is there if the process couldn't be started, for want of descriptors say: then 'error' tells.
    helper.stdout?.setEncoding('latin1').on('data', chunk => {
      text += chunk;
    });
    helper.stdin?.once('error', () => {});
    helper.stdin?.end(`${command}\n`);
  });
  return parseReply(output);
}
