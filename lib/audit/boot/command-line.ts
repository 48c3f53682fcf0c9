/** The words of a kernel command line, as init programs take it. Blanks in double quotes don't end a word. */
export const bootWords = (commandLine: string): string[] =>
  (commandLine.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? []).map(word => word.replaceAll('"', ''));

/** The values of `NAME=VALUE`, in order. */
export const valuesOf = (words: readonly string[], name: string): string[] =>
  words.filter(word => word.startsWith(`${name}=`)).map(word => word.slice(name.length + 1));
