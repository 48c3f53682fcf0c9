import { once } from 'node:events';
import inspector from 'node:inspector';
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { HelperProcess } from '../kernel/helper-process.js';
import { native } from '../kernel/native.js';
import { type Answer, codeOf } from '../kernel/probe-outcome.js';
import type { ChannelName } from './channel.js';

/** What somebody tried to get in by, and what became of it. */
export interface Verified {
  channel: ChannelName;
  /** Who and how. */
  by: string;
  outcome: 'refused' | 'open' | 'unknown';
  /** The errno's name, of a refusal. */
  code: string | null;
}

/** Commands of native/helper/main.cc, and the system calls that they are. */
const ATTEMPTS = [
  { command: 'seize', by: 'ptrace(PTRACE_SEIZE)', isOfCheck: true },
  { command: 'readv', by: 'process_vm_readv', isOfCheck: true },
  { command: 'getfd', by: 'pidfd_getfd', isOfCheck: true },
  { command: 'mem', by: 'open(/proc/PID/mem)', isOfCheck: false },
  { command: 'environ', by: 'open(/proc/PID/environ)', isOfCheck: false },
] as const;

const REFUSALS = ['EPERM', 'EACCES'];

/** A refusal that no rule of the kernel's is heard behind is a filter's, which a stranger need not have. */
function outcomeOf(answer: Answer, isOfCheck: boolean): Pick<Verified, 'outcome' | 'code'> {
  const code = codeOf(answer);
  if (code === null) return { outcome: 'open', code };
  const isHeard = !isOfCheck || (answer.witness !== 'none' && answer.byFilter !== true);
  return { outcome: REFUSALS.includes(code) && isHeard ? 'refused' : 'unknown', code };
}

/** How long a signal may be under way. */
const SIGNAL_LIMIT = 1000;
const HANDLED = 2;

/** A stranger's SIGUSR1 has arrived, and the inspector is what it was. */
async function verifyInspector(stranger: HelperProcess): Promise<Verified> {
  const attempt = { channel: 'inspector', by: 'a stranger, by SIGUSR1' } as const;
  const isHandled = native().dispositionOf(constants.signals.SIGUSR1) === HANDLED;
  // A worker hears no signal: an ignored one does nothing, one that is handled does what can't be seen from here.
  if (!isMainThread) return { ...attempt, outcome: isHandled ? 'unknown' : 'refused', code: null };
  const limit = AbortSignal.timeout(SIGNAL_LIMIT);
  const arrived = once(process, 'SIGUSR1', { signal: limit }).then(
    () => true,
    () => false,
  );
  const { error } = await stranger.ask(`usr1 ${process.pid}`);
  if (error !== 0) return { ...attempt, ...outcomeOf({ error, witness: 'none' }, false) };
  if (!(await arrived)) return { ...attempt, outcome: 'unknown', code: 'ETIMEDOUT' };
  return { ...attempt, outcome: inspector.url() === undefined ? 'refused' : 'open', code: null };
}

/** Has an unrelated process with our own ids and no capabilities try every way in. */
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
