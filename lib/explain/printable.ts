/**
 * Text of foreign origin (a process may call itself anything) without what steers a terminal: control characters,
 * escapes and direction marks are shown by their code.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    character => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
