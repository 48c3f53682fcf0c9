// @ts-check
// The directory that a guest reads at its start: its init, its settings, the mounts, and the command.
// A value goes into a file as a single-quoted shell word or an escaped mount-table field; all text is latin1 (see caller.mjs).

import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { keptEntries } from './kept-entries.mjs';

/** Where the guest's init has this directory (`lab`), and the host's root file system while it mounts over it (`host`). */
const HERE = '/run/tracegate-lab';

/**
 * @typedef {object} Guest
 * @property {number[]} scopes in this order, in one boot
 * @property {string} kernel
 * @property {string} busybox
 * @property {{ control: string, stdout: string, stderr: string }} devices the guest's names of the channels
 * @property {string} directory the caller's
 * @property {string[]} environment
 * @property {string[]} command
 * @property {string} mark ends each of the two outputs
 * @property {string | null} stdin a file's content, latin1
 */

const NAME = 'tracegate-lab-';

/** A name that needs no quoting on a kernel's command line. */
export function newDirectoryName() {
  const parent = /^[\w./-]+$/.test(tmpdir()) ? tmpdir() : '/tmp';
  return `${parent}/${NAME}${randomUUID()}`;
}

/** @param {string} path @param {Guest} guest */
export function writeGuestDirectory(path, guest) {
  mkdirSync(path, { mode: 0o700 });
  /** @param {string} name @param {string} text @param {number} [mode] */
  const write = (name, text, mode = 0o600) =>
    writeFileSync(`${path}/${name}`, text, { encoding: 'latin1', mode });
  const kept = keptEntries(guest.directory).filter(({ path }) => !path.includes(`/${NAME}`));
  write('init', `#!${guest.busybox} sh\n${guestScript('init.sh')}`, 0o700);
  write('settings', settings(guest));
  write('mountpoints', kept.map(mountPoint).join(''));
  write(
    'fstab',
    kept
      .filter(({ kind }) => kind !== 'link')
      .map(({ path }) => bindMount(path))
      .join(''),
  );
  write('command', commandScript(guest));
  if (guest.stdin !== null) write('stdin', guest.stdin);
}

/** @param {string} name */
export function guestScript(name) {
  return readFileSync(new URL(`../lab-guest/${name}`, import.meta.url), 'latin1');
}

/** @param {Guest} guest */
function settings({ busybox, scopes, devices, stdin, mark }) {
  return `BUSYBOX=${quoted(busybox)}
SCOPES='${scopes.join(' ')}'
MARK=${mark}
CONTROL=${devices.control}
STDOUT=${devices.stdout}
STDERR=${devices.stderr}
STDIN=${stdin === null ? '/dev/null' : `${HERE}/lab/stdin`}
`;
}

/** @param {import('./kept-entries.mjs').KeptEntry} entry */
function mountPoint(entry) {
  if (entry.kind === 'directory') return `mkdir ${quoted(entry.path)}\n`;
  if (entry.kind === 'file') return `: >${quoted(entry.path)}\n`;
  return `ln -s ${quoted(entry.to)} ${quoted(entry.path)}\n`;
}

/** @param {string} path */
function bindMount(path) {
  return `${mountField(`${HERE}/host${path}`)} ${mountField(path)} none bind 0 0\n`;
}

/**
 * Its one argument is the scope. `env` sets names that a shell can't spell; `setsid` keeps the command out of init's
 * session, without a controlling terminal, and accepts a command name with a `=`.
 * @param {Guest} guest
 */
function commandScript({ directory, environment, command, kernel }) {
  const own = [`TRACEGATE_LAB=${kernel}`, 'TMPDIR=/tmp'];
  const names = new Set(['TRACEGATE_SCOPE', ...own.map(nameOf)]);
  const variables = [
    ...environment.filter(variable => !names.has(nameOf(variable)) && nameOf(variable) !== ''),
    ...own,
  ];
  const umask = process.umask().toString(8).padStart(4, '0');
  return `cd ${quoted(directory)} || exit 127
umask ${umask}
exec /usr/bin/env -i ${variables.map(quoted).join(' ')} "TRACEGATE_SCOPE=$1" /usr/bin/setsid -- ${command.map(quoted).join(' ')}
`;
}

/** @param {string} variable */
function nameOf(variable) {
  const equals = variable.indexOf('=');
  return equals < 0 ? '' : variable.slice(0, equals);
}

/** @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** getmntent(3): space, tab, newline and backslash as octal; a `#` would begin a comment. @param {string} text */
function mountField(text) {
  return text.replace(/[\s\\#]/g, character => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
