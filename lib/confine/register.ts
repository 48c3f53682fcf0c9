/**
 * `node --import tracegate/confine app.js` confines the app: it can't trace, read or signal any process outside of its own tree.
 * It exports nothing. Before Linux 7.0, and as root, the process executes itself once more, so an app starts later by the time of a
 * Node's start. What can't be closed on this kernel is said in one line on standard error. The environment then has TRACEGATE_CONFINED, by which its Node
 * children know that they are confined already.
 *
 * Applies to: this process with all its threads, and all that it starts.
 *
 * @throws if the process can't be confined, it ends with exit code 125 and the reason, before the app's first line
 * @throws TracegateError `ERR_TRACEGATE_NOT_CONFINED` in a child of fork(), whose messages would be lost, where the process would execute itself again, if its parent isn't confined
 * @throws TracegateError `ERR_TRACEGATE_NOT_CONFINED` if Node has read the script from standard input: `--require tracegate/confine` comes before that
 * @throws TracegateError `ERR_TRACEGATE_NOT_CONFINED` in a worker of a process that is not confined
 * @see docs/confine.md
 * @example
 * ```js
 * import { execFileSync } from 'node:child_process';
 *
 * const app = `
 *   import { readFileSync } from 'node:fs';
 *   try { readFileSync('/proc/${process.pid}/environ'); } catch (error) { console.log(error.code); }
 * `;
 * const args = ['--import', 'tracegate/confine', '--input-type=module', '--eval', app];
 * console.log(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()); // EACCES
 * ```
 * @module
 */
import { confineProcess } from './confine-process.js';

confineProcess();
