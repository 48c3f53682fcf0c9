import { readFileSync } from 'node:fs';
import { isSystemError } from './proc-files.js';
import { type PtraceScope, parsePtraceScope } from './ptrace-scope.js';

const DIRECTORY = '/proc/sys/kernel';

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
