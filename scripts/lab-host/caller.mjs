// @ts-check
// The arguments and environment of the lab's caller, byte for byte, for the guest's command. process.argv and process.env would
// replace bytes that aren't UTF-8. Bytes are kept in latin1 strings, one character for each byte.
import { readFileSync, readlinkSync } from 'node:fs';

/** The last `count` words of this process' own command line. @param {number} count */
export function callerWords(count) {
  const words = zeroTerminated('/proc/self/cmdline');
  return words.slice(words.length - count);
}

/** The environment at exec, as `NAME=value` strings. */
export function callerEnvironment() {
  return zeroTerminated('/proc/self/environ');
}

export function callerDirectory() {
  return readlinkSync('/proc/self/cwd', { encoding: 'latin1' });
}

/** @param {string} file */
function zeroTerminated(file) {
  return readFileSync(file, 'latin1').split('\0').slice(0, -1);
}
