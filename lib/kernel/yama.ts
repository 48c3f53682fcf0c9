import { readFileSync } from 'node:fs';
import { isSystemError } from './proc-files.js';

const NAMES = ['classic', 'restricted', 'admin-only', 'no-attach'] as const;

export type PtraceScopeValue = 0 | 1 | 2 | 3;
export type PtraceScopeName = (typeof NAMES)[number];

export type PtraceScope =
  | { state: 'present'; value: PtraceScopeValue; name: PtraceScopeName }
  | { state: 'absent' }
  | { state: 'unknown'; cause: string };

const DIRECTORY = '/proc/sys/kernel';

/** Parses the text of the file. Anything but one of the four values is unknown, never "permissive". */
export function parsePtraceScope(text: string): PtraceScope {
  const value = text.trim();
  const name = /^[0-3]$/.test(value) ? NAMES[Number(value)] : undefined;
  if (name === undefined)
    return { state: 'unknown', cause: `not a scope: ${JSON.stringify(text.slice(0, 32))}` };
  return { state: 'present', value: Number(value) as PtraceScopeValue, name };
}

/**
 * Reads `kernel.yama.ptrace_scope`, the running value.
 *
 * A missing file means that Yama is not part of this kernel, or not in its `lsm=` list. Then only the classic rules
 * apply. That answer requires that the directory above is visible; otherwise the scope is unknown.
 *
 * Kernel: security/yama/yama_lsm.c, yama_init_sysctl(); Documentation/admin-guide/LSM/Yama.rst
 */
export function readPtraceScope(): PtraceScope {
  try {
    return parsePtraceScope(readFileSync(`${DIRECTORY}/yama/ptrace_scope`, 'utf8'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT') return { state: 'unknown', cause: error.message };
  }
  try {
    readFileSync(`${DIRECTORY}/ostype`, 'utf8');
    return { state: 'absent' };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { state: 'unknown', cause: `/proc/sys can't be read: ${error.message}` };
  }
}
