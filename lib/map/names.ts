import { printable } from '../explain/printable.js';

const LONGEST = 64;

/** As printable(), and the two characters that no XML may have beside those that it shows by their code. */
const shownText = (text: string) =>
  printable(text).replace(/[\ufffe\uffff]/g, character => `\\u{${character.charCodeAt(0).toString(16)}}`);

/** A process' name, which it chose itself, for people. */
export function shownName(comm: string | null): string {
  if (comm === null) return '(name not seen)';
  if (comm === '') return '(no name)';
  // A hundred times as long is not to be gone through.
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

/** Whole numbers with commas; Intl takes a tenth of a second to be there. */
export const count = (value: number): string => `${value}`.replace(/\B(?=(\d{3})+$)/g, ',');

export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** As text and as an attribute's value, in HTML and XML. */
export const escapeMarkup = (text: string): string =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
