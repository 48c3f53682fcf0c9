import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { native } from './native.js';
import { numberOf, textOf } from './proc-files.js';

/** The kernel settings that decide about core dumps. They are the same in all namespaces. */
export interface CoreSettings {
  /** kernel.core_pattern; null where it can't be read. */
  pattern: string | null;
  /** Whether the kernel writes core dumps at all (CONFIG_COREDUMP). Null: unknown. */
  isSupported: boolean | null;
  /** Whether an `@` at the start of core_pattern names a socket. */
  hasSockets: boolean | null;
  /** kernel.core_uses_pid */
  usesPid: boolean | null;
  /** kernel.core_pipe_limit: the number of simultaneous pipes; 0 is no limit. */
  pipeLimit: number | null;
  /** fs.suid_dumpable */
  suidDumpable: number | null;
  /** In bytes: with a smaller limit the kernel writes no core file. */
  smallestLimit: number;
}

/** The first kernel with sockets in core_pattern. */
const SOCKETS_SINCE = [6, 16] as const;

/**
 * Kernel: fs/coredump.c, format_corename(), since 6.17 coredump_parse(); kernel.core_modes lists the modes since 6.17
 *
 * @param modes the text of kernel.core_modes; null where the file does not exist
 */
export function hasCoreSockets(modes: string | null, kernelRelease: string): boolean | null {
  if (modes !== null) return modes.split('\n').includes('socket');
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernelRelease) ?? [];
  if (major === undefined || minor === undefined) return null;
  const [firstMajor, firstMinor] = SOCKETS_SINCE;
  return Number(major) > firstMajor || (Number(major) === firstMajor && Number(minor) >= firstMinor);
}

export function coreSettings(): CoreSettings {
  const pattern = textOf('/proc/sys/kernel/core_pattern');
  const usesPid = numberOf('/proc/sys/kernel/core_uses_pid');
  // fs/coredump.c creates these files, and is compiled only with CONFIG_COREDUMP.
  const isThere = existsSync('/proc/sys/kernel/core_pattern');
  return {
    pattern,
    isSupported: isThere ? true : existsSync('/proc/sys/kernel/pid_max') ? false : null,
    hasSockets: hasCoreSockets(textOf('/proc/sys/kernel/core_modes'), release()),
    usesPid: usesPid === null ? null : usesPid !== 0,
    pipeLimit: numberOf('/proc/sys/kernel/core_pipe_limit'),
    suidDumpable: numberOf('/proc/sys/fs/suid_dumpable'),
    smallestLimit: native().smallestCoreLimit(),
  };
}
