import type { NextBoot } from '../../sysctl/config.js';
import { COMMAND_LINE } from '../../sysctl/kernel-command-line.js';
import { kernelWrite } from '../../sysctl/value.js';
import type { FileTree, Unreadable } from '../../tree/file-tree.js';
import { TreeReader } from '../../tree/tree-reader.js';
import { cloudInitWriters } from './cloud-init.js';
import { extensionWriters } from './extensions.js';
import { initScriptWriters } from './init-scripts.js';
import { initrdWriters } from './initrd.js';
import type { OtherWriter } from './other-writer.js';
import { bootSysctlWriters, cronWriters, networkWriters, udevWriters } from './simple-files.js';
import { tmpfilesWriters } from './tmpfiles.js';
import { tunedWriters } from './tuned.js';
import { unitWriters } from './units.js';

export interface OtherWriters {
  writers: OtherWriter[];
  /** Files that may write the key, and can't be read. */
  unreadable: Unreadable[];
}

/**
 * Everything in a tree that writes the key at boot or later, beside the loader and the kernel command line.
 *
 * @param key the path below /proc/sys
 * @param running the value that runs now; null for a tree that doesn't run
 */
export function otherWriters(tree: FileTree, key: string, running: string | null): OtherWriters {
  const reader = new TreeReader(tree);
  const writers = [
    ...initrdWriters(reader, key, running),
    ...bootSysctlWriters(reader, key),
    ...tmpfilesWriters(reader, key),
    ...extensionWriters(reader, key),
    ...udevWriters(reader, key),
    ...unitWriters(reader, key),
    ...initScriptWriters(reader, key),
    ...networkWriters(reader, key),
    ...tunedWriters(reader, key),
    ...cronWriters(reader, key),
    ...cloudInitWriters(reader, key),
  ];
  return { writers, unreadable: reader.unreadable };
}

/** True if the writer may change the value that the next boot would have without it. */
function mayChange(next: NextBoot & { state: 'known' }, writer: OtherWriter, key: string): boolean {
  if (writer.value === null) return true;
  const isDecidedLater = next.file !== null && next.file !== COMMAND_LINE;
  if (writer.when === 'before-loader' && isDecidedLater) {
    // Whatever the loader writes overrides the value, unless the kernel refuses what the loader writes.
    const before = kernelWrite(key)('0', writer.value);
    if (!before.accepted) return false;
    const after = kernelWrite(key)(before.value, next.value);
    return !after.accepted && before.value !== next.value;
  }
  const written = kernelWrite(key)(next.value, writer.value);
  return written.accepted && written.value !== next.value;
}

/** The writers, and whether each may change the value after the next boot. */
export interface JudgedWriters extends Omit<OtherWriters, 'writers'> {
  writers: (OtherWriter & { mayChange: boolean })[];
}

/** The value after the next boot, if these writers may run: unknown if one of them may change it. */
export function judge(
  before: NextBoot,
  { writers, unreadable }: OtherWriters,
  key: string,
): { next: NextBoot; judged: JudgedWriters } {
  const judged = writers.map(writer => ({
    ...writer,
    mayChange: before.state === 'unknown' || mayChange(before, writer, key),
  }));
  const because = [
    ...judged
      .filter(writer => writer.mayChange)
      .map(({ file, line, text }) => `${file}${line === null ? '' : `:${line}`} may change it: ${text}`),
    ...unreadable.map(({ path, cause }) => `${path}: ${cause}`),
  ];
  const next: NextBoot =
    before.state === 'unknown' || because.length === 0 ? before : { state: 'unknown', because };
  return { next, judged: { writers: judged, unreadable } };
}
