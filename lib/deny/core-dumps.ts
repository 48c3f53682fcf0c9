import { errnoName } from '../errors.js';
import { coreSettings } from '../kernel/core-settings.js';
import { native } from '../kernel/native.js';
import { type CoreTarget, coreTargetOf } from '../policy/core-dump/name.js';
import { type Channel, type CloseOptions, type Closing, closed, failed, type Undo } from './channel.js';

/** With `RLIMIT_CORE` 1 the kernel writes no core file, which would be larger, and refuses a pipe in core_pattern. */
const NO_CORE = 1;

interface Limits {
  soft: number;
  hard: number;
}

const SIDE_EFFECTS = ['no core dump of this process, nor of those that it starts'];

/** prlimit(2) compares only the ids, so a neighbour can raise the soft limit. Kernel: kernel/sys.c, check_prlimit_permission() */
const raisable = (undo: Undo): Closing => ({
  state: 'open',
  why: 'the soft limit on core dumps is 1 now, but a process of its uid may raise it again (prlimit), and this process is dumpable',
  remedy: 'set hardLimits, or close the channel dumpable as well',
  isFailure: false,
  undo,
});

function lower({ soft, hard }: Limits, { keepDumpable, hardLimits }: CloseOptions): Closing {
  const result = native().setCoreLimit(NO_CORE, hardLimits ? NO_CORE : hard);
  if (result < 0) {
    return failed(
      `setrlimit(RLIMIT_CORE): ${errnoName(result)}`,
      'start the process with `ulimit -c 0`, and close the channel dumpable as well, which stops a pipe in core_pattern',
    );
  }
  const undo = hardLimits ? 'impossible' : () => void native().setCoreLimit(soft, hard);
  return keepDumpable && !hardLimits && hard > NO_CORE ? raisable(undo) : closed(undo, SIDE_EFFECTS);
}

function closeByLimits(options: CloseOptions): Closing {
  const { keepDumpable, hardLimits } = options;
  const limits = native().coreLimit();
  if (typeof limits === 'number') {
    return failed(
      `getrlimit(RLIMIT_CORE): ${errnoName(limits)}`,
      'allow getrlimit in the seccomp filter of this process',
    );
  }
  const [soft, hard] = limits;
  if (soft === NO_CORE && hard === NO_CORE) return closed('nothing');
  if (soft === NO_CORE && !hardLimits) return keepDumpable ? raisable('nothing') : closed('nothing');
  if (hard >= NO_CORE) return lower({ soft, hard }, options);
  // A hard limit of 0 prevents a core file, but a pipe in core_pattern still gets the whole core.
  if (!keepDumpable) return closed('nothing');
  return failed(
    'the hard limit of RLIMIT_CORE is 0 already, and only 1 stops a pipe in core_pattern',
    'leave keepDumpable out, or start the process with a hard limit of 1 or more',
  );
}

const BY_A_SOCKET = {
  why: 'core_pattern names a socket, which gets the core of a dumpable process whatever RLIMIT_CORE is',
  remedy: 'close the channel dumpable as well, or set another core_pattern',
};

/**
 * Corrects the result for a socket in core_pattern. A socket gets the core of a dumpable process at every RLIMIT_CORE, so
 * the limits close nothing there.
 *
 * Kernel: fs/coredump.c, coredump_socket()
 */
export function whereSent(target: CoreTarget, keepDumpable: boolean, byLimits: Closing): Closing {
  if (!keepDumpable || target !== 'socket' || byLimits.state === 'open') return byLimits;
  return { state: 'open', ...BY_A_SOCKET, isFailure: true, undo: byLimits.undo };
}

/**
 * Sets the soft `RLIMIT_CORE` to 1. The kernel then writes no core file and sends no core to a pipe in core_pattern; a limit
 * of 0 would still allow the pipe. Child processes inherit the limit.
 *
 * A process that isn't dumpable has no core dump at any limit. A neighbour can raise the soft limit of a dumpable process again.
 *
 * Kernel: fs/coredump.c, do_coredump()
 */
export const coreDumps: Channel = {
  name: 'core-dumps',
  close: options => whereSent(coreTargetOf(coreSettings()), options.keepDumpable, closeByLimits(options)),
};
