import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { UsageError } from './command.js';

/**
 * The files that match a pattern. Empty: the text is no pattern, or names a file that is there.
 *
 * @param given the option or operand, for an error
 * @param hint what writes such files
 */
export async function filesOf(pattern: string, given: string, hint: string): Promise<string[]> {
  const { globSync, isDynamicPattern } = await import('tinyglobby');
  if (existsSync(pattern) || !isDynamicPattern(pattern)) return [];
  const files = globSync(pattern, { expandDirectories: false, absolute: isAbsolute(pattern) }).sort();
  if (files.length === 0) throw new UsageError(`${given}: no file has that name (${hint})`);
  return files;
}

/** The files of recordings, each of which may be a pattern. */
export async function recordingsOf(words: readonly string[], option = ''): Promise<string[]> {
  const files: string[] = [];
  for (const word of words) {
    const found = await filesOf(
      word,
      `${option}${JSON.stringify(word)}`,
      'tracegate watch --out FILE writes recordings',
    );
    files.push(...(found.length > 0 ? found : [word]));
  }
  return files;
}
