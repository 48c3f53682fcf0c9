import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { native } from './native.js';
import { numberOf, textOf } from './proc-files.js';

/** What of the whole kernel decides over core dumps. The namespaces of a process change none of it. */
export interface CoreSettings {
  /** kernel.core_pattern; null where it can't be read. */
  pattern: string | null;
  /** Whether the kernel writes core dumps at all (CONFIG_COREDUMP); null where nothing tells. */
  isSupported: boolean | null;
  /** Whether `@` at the start of core_pattern names a socket. */
  hasSockets: boolean | null;
  /** kernel.core_uses_pid */
  usesPid: boolean | null;
  /** kernel.core_pipe_limit: how many pipes at once, 0 for any number. */
  pipeLimit: number | null;
  /** fs.suid_dumpable */
  suidDumpable: number | null;
  /** In bytes: a core file is written only from this limit on. */
  smallestLimit: number;
}

/** The first kernel with sockets in core_pattern. */
const SOCKETS_SINCE = [6, 16] as const;

/**
 * Kernel: fs/coredump.c, format_corename(), since 6.17 coredump_parse(); kernel.core_modes lists them since 6.17
 *
 * @param modes the text of kernel.core_modes, null where there is no such file
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
  // Without CONFIG_COREDUMP fs/coredump.c, which makes these files, isn't compiled.
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
