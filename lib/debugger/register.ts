/**
 * `node --import tracegate/grants app.js` runs serveGrants() at `$TRACEGATE_GRANT_SOCKET`, for an app that doesn't call it. It
 * exports nothing. Without the variable it does nothing.
 *
 * Root and the uids in `$TRACEGATE_GRANT_UIDS` may ask. Each event is a line of JSON on standard error.
 * `tracegate run --grant-socket` sets these variables.
 *
 * Applies to: this process, in its main thread.
 *
 * @throws as serveGrants(): the program ends with the reason before its first line
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` if `$TRACEGATE_GRANT_UIDS` isn't a list of uids
 * @see docs/debugger.md
 * @example
 * ```js
 * import { execFileSync } from 'node:child_process';
 * import { mkdtempSync, rmSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'app-')); // of mode 0700
 * const socket = join(directory, 'grants.sock');
 * const env = { ...process.env, TRACEGATE_GRANT_SOCKET: socket };
 * const app = `console.log(fs.lstatSync('${socket}').isSocket())`;
 * const args = ['--import', 'tracegate/grants', '--eval', app];
 * console.log(execFileSync(process.execPath, args, { env, encoding: 'utf8' }).trim()); // true
 * rmSync(directory, { recursive: true });
 * ```
 * @module
 */
import { serveFromEnvironment } from './serve-from-environment.js';

await serveFromEnvironment();
