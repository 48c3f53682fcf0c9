import { once } from 'node:events';
import inspector from 'node:inspector';
import { constants } from 'node:os';
import { HelperProcess } from '../kernel/helper-process.js';
import { native } from '../kernel/native.js';
import { replacesSignalHandler } from '../kernel/node-internals.js';
import { type Answer, codeOf } from '../kernel/probe-outcome.js';
import type { ChannelName } from './channel.js';
import { isBlockedByAll } from './signal-threads.js';

/** One attempt of the stranger, and its outcome. */
export interface Verified {
  channel: ChannelName;
  /** The stranger and its system call. Where every thread blocks SIGUSR1, the signal isn't sent, and `by` says so. */
  by: string;
  /** `allowed`: the stranger got in. */
  outcome: 'allowed' | 'denied' | 'unknown';
  /** The name of the errno; null if the attempt succeeded. */
  code: string | null;
}

/** Commands of native/helper/main.cc, and the system call that each command makes. */
const ATTEMPTS = [
  { command: 'seize', by: 'ptrace(PTRACE_SEIZE)', isOfCheck: true },
  { command: 'readv', by: 'process_vm_readv', isOfCheck: true },
  { command: 'getfd', by: 'pidfd_getfd', isOfCheck: true },
  { command: 'mem', by: 'open(/proc/PID/mem)', isOfCheck: false },
  { command: 'environ', by: 'open(/proc/PID/environ)', isOfCheck: false },
] as const;

const REFUSALS = ['EPERM', 'EACCES'];

/**
 * A refusal counts if the kernel's rules gave it. A seccomp filter may refuse too; another stranger may have no such filter,
 * so the outcome is then `unknown`.
 */
function outcomeOf(answer: Answer, isOfCheck: boolean): Pick<Verified, 'outcome' | 'code'> {
  const code = codeOf(answer);
  if (code === null) return { outcome: 'allowed', code };
  const isHeard = !isOfCheck || (answer.answeringCall !== 'none' && answer.byFilter !== true);
  return { outcome: REFUSALS.includes(code) && isHeard ? 'denied' : 'unknown', code };
}

/** Milliseconds to wait for the signal. */
const SIGNAL_LIMIT = 1000;
const HANDLED = 2;
const { SIGUSR1 } = constants.signals;

/** Has the stranger send SIGUSR1, waits for the signal, and checks that the inspector is still closed. */
async function verifyInspector(stranger: HelperProcess): Promise<Verified> {
  const attempt = { channel: 'inspector', by: 'a stranger, by SIGUSR1' } as const;
  const isHandled = native().dispositionOf(SIGUSR1) === HANDLED;
  // An ignored signal does nothing; the effect of a handled signal isn't visible without a listener.
  if (!replacesSignalHandler()) return { ...attempt, outcome: isHandled ? 'unknown' : 'denied', code: null };
  // The signal would stay pending, and a program that this process executes later would get it.
  if (isBlockedByAll(SIGUSR1))
    return {
      ...attempt,
      by: `${attempt.by}, not sent: every thread blocks it`,
      outcome: 'denied',
      code: null,
    };
  const limit = AbortSignal.timeout(SIGNAL_LIMIT);
  const arrived = once(process, 'SIGUSR1', { signal: limit }).then(
    () => true,
    () => false,
  );
  const { error } = await stranger.ask(`usr1 ${process.pid}`);
  if (error !== 0) return { ...attempt, ...outcomeOf({ error, answeringCall: 'none' }, false) };
  if (!(await arrived)) return { ...attempt, outcome: 'unknown', code: 'ETIMEDOUT' };
  return { ...attempt, outcome: inspector.url() === undefined ? 'denied' : 'allowed', code: null };
}

/** Starts a stranger (an unrelated process with our ids and no capabilities), which tries each system call above. */
export async function verifyByStranger(isInspectorClosed: boolean): Promise<Verified[]> {
  const credentials = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const stranger = await HelperProcess.start('orphan', credentials);
  try {
    const verified: Verified[] = [];
    for (const { command, by, isOfCheck } of ATTEMPTS) {
      const answer = await stranger.ask(`${command} ${process.pid}`);
      verified.push({ channel: 'dumpable', by: `a stranger, by ${by}`, ...outcomeOf(answer, isOfCheck) });
    }
    if (isInspectorClosed) verified.push(await verifyInspector(stranger));
    return verified;
  } finally {
    await stranger.end();
  }
}
