/**
 * `node --import tracegate/deny app.js` runs denyTracing() before the program, and before each of its workers. It exports
 * nothing. `verify` is off, since it would start a process at every start.
 *
 * Applies to: this process, with all its threads.
 *
 * @throws as denyTracing(): if a channel can't be closed, the program ends with the reason before its first line
 * @see docs/deny.md
 * @example
 * ```js
 * import { execFileSync } from 'node:child_process';
 *
 * const app = `
 *   import { getDumpable } from 'tracegate';
 *   console.log(getDumpable());
 * `;
 * const args = ['--import', 'tracegate/deny', '--input-type=module', '--eval', app];
 * console.log(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()); // disabled
 * ```
 * @module
 */
import { denyTracing } from './deny-tracing.js';

await denyTracing({ verify: false });
