// @ts-check
// What the guest's command gets from the lab's caller, byte for byte: process.argv and process.env would have
// replaced what isn't UTF-8. Bytes are kept in latin1 strings, one character each.
import { readFileSync, readlinkSync } from 'node:fs';

/** The last `count` words of this process' own command line. @param {number} count */
export function callerWords(count) {
  const words = zeroTerminated('/proc/self/cmdline');
  return words.slice(words.length - count);
}

/** `NAME=value` each, as they were at exec. */
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
