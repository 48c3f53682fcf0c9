// @ts-check
// The guest's console, shown when the guest has failed.

/** A panic and its stack: User-Mode Linux needs 45. */
const LINES = 50;

/** The end of it, without colours and carriage returns. @param {string} text */
export function lastLines(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern removes them
  const plain = text.replace(/\x1b\[[\d;?]*[A-Za-z]|[^\x20-\x7e\n\t]/g, '');
  return plain.split('\n').slice(-LINES).join('\n');
}
