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
 * Applies to: the running kernel. All processes and containers share the value.
 *
 * Kernel: security/yama/yama_lsm.c, yama_init_sysctl(); Documentation/admin-guide/LSM/Yama.rst
 *
 * @throws nothing: a file that can't be read is the state `unknown`
 * @example
 * ```js
 * import assert from 'node:assert/strict';
 * import { readPtraceScope } from 'tracegate';
 *
 * const scope = readPtraceScope();
 * const text = scope.state === 'present' ? `${scope.value} (${scope.name})` : scope.state;
 * assert.match(text, /^[0-3] \(|^absent$|^unknown$/);
 * ```
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
