import type { TreeReader } from '../../tree/tree-reader.js';

const SIGNATURE = '# GRUB Environment Block\n';

/**
 * The variables of a grubenv: `name=value` lines, in which a backslash quotes a newline or a backslash. Null if there is none, or
 * it can't be read.
 *
 * GRUB: grub-core/lib/envblk.c, grub_envblk_iterate()
 */
export function grubEnvironment(reader: TreeReader, path: string): Map<string, string> | null {
  const text = reader.text(path);
  if (!text?.startsWith(SIGNATURE)) return null;
  const lines = text.slice(SIGNATURE.length).match(/(?:\\[\s\S]|[^\\\n])+/g) ?? [];
  return new Map(
    lines.flatMap(line => {
      const equals = line.indexOf('=');
      if (line.startsWith('#') || equals < 0) return [];
      return [[line.slice(0, equals), line.slice(equals + 1).replace(/\\([\s\S])/g, '$1')] as const];
    }),
  );
}

/** The texts that a variable or word can have. `unknown` says why there may be others. */
export interface Possible {
  texts: ReadonlySet<string>;
  unknown: string | null;
}

export type GrubVariables = ReadonlyMap<string, Possible>;

export const exactly = (text: string): Possible => ({ texts: new Set([text]), unknown: null });

export const either = (a: Possible, b: Possible): Possible => ({
  texts: new Set([...a.texts, ...b.texts]),
  unknown: a.unknown ?? b.unknown,
});
