/**
 * Makes foreign text safe for a terminal: a process may have any name. Control characters, escapes and direction marks
 * appear as their code.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    character => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** A word, quoted for a shell. */
export const quoted = (word: string): string =>
  /^[\w./+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
