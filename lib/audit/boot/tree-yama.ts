import type { FileTree } from '../tree/file-tree.js';
import { bootEntries } from './entries.js';
import { hasYama, type KernelConfig, kernelConfigs } from './kernel-config.js';

/** Yama in the kernels of a tree, with the command lines of its boot entries. */
export type TreeYama =
  | { file: string; isThere: boolean }
  | { file: string; isThere: 'unknown'; because: string };

/** A kernel with Yama in CONFIG_LSM. Without a configuration, only a command line can tell that Yama is left out. */
const LISTED: KernelConfig = { file: '', isBuiltIn: true, isListed: true, commandLine: '' };

/** Whether Yama runs with every kernel and every boot entry of the tree, with none, or only with some. Null: neither tells. */
export function treeYama(tree: FileTree): TreeYama | null {
  const { entries, unreadable } = bootEntries(tree);
  const kernels = kernelConfigs(tree);
  const boots = entries.length > 0 ? entries : [{ file: '', commandLine: '' }];
  const [first = LISTED] = kernels;
  const answers = (kernels.length > 0 ? kernels : [LISTED]).flatMap(kernel =>
    boots.map(({ file, commandLine }) => ({
      file: kernel.file || file,
      entry: file,
      isThere: hasYama(kernel, commandLine),
    })),
  );
  const without = answers.find(({ isThere }) => !isThere);
  if (without === undefined) {
    if (kernels.length === 0) return null;
    if (unreadable.length === 0) return { file: first.file, isThere: true };
    const because = "it is built in, but the kernel command lines, which may have lsm=, can't all be read";
    return { file: first.file, isThere: 'unknown', because };
  }
  if (answers.every(({ isThere }) => !isThere)) return { file: without.file, isThere: false };
  const because = `${[...new Set([without.file, without.entry])].filter(name => name !== '').join(' with ')} has no Yama, and another boot has it`;
  return { file: without.file, isThere: 'unknown', because };
}
