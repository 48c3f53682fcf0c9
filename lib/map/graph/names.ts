import { printable } from '../../printable.js';

const LONGEST = 64;

/** As printable(). Two further characters, which XML forbids, are also shown by their code. */
const shownText = (text: string) =>
  printable(text).replace(/[\ufffe\uffff]/g, character => `\\u{${character.charCodeAt(0).toString(16)}}`);

/** Formats the name of a process for people. A process chooses its own name, so the name may have any characters. */
export function shownName(comm: string | null): string {
  if (comm === null) return '(name not seen)';
  if (comm === '') return '(no name)';
  // A name in a snapshot file may be very long, so only its beginning is examined.
  const shown = [...shownText(comm.slice(0, 4 * LONGEST))];
  return shown.length > LONGEST || comm.length > 4 * LONGEST
    ? `${shown.slice(0, LONGEST - 1).join('')}…`
    : shown.join('');
}

export const userName = (uid: number | null): string =>
  uid === null ? 'uid not seen' : uid === 0 ? 'root' : `uid ${uid}`;

/** The programs of a class, the most frequent first. */
export function programNames(programs: readonly { comm: string | null }[], most = 2): string {
  const names = programs.slice(0, most).map(({ comm }) => shownName(comm));
  const more = programs.length - names.length;
  return more > 0 ? `${names.join(', ')} +${more}` : names.join(', ');
}

/** Formats a whole number with commas. Intl would take a tenth of a second to load. */
export const count = (value: number): string => `${value}`.replace(/\B(?=(\d{3})+$)/g, ',');

export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Escapes a text for the content and the attributes of HTML and XML. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
