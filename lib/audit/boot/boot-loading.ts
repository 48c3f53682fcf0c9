import type { FileTree } from '../tree/file-tree.js';
import { busyboxLoading } from './busybox.js';
import { bootWords } from './command-line.js';
import { type InitProgram, initProgram } from './init.js';
import { type BootLoading, type Loading, nothingLoads, unknownLoading } from './loading.js';
import { openrcLoading } from './openrc.js';
import { runitLoading } from './runit.js';
import { systemdLoading } from './systemd.js';
import { sysvinitLoading } from './sysvinit.js';

/**
 * Finds out what loads sysctl.d when the kernel boots this tree with that command line. No program of the tree is run.
 *
 * Kernel: init/main.c, kernel_init()
 */
export function bootLoading(tree: FileTree, commandLine: string): BootLoading {
  const words = bootWords(commandLine);
  const init = initProgram(tree, words);
  return { init: init.kind, ...loadingBy(init, tree, words) };
}

function loadingBy(init: InitProgram, tree: FileTree, words: readonly string[]): Loading {
  switch (init.kind) {
    case 'systemd':
      return systemdLoading(tree, words);
    case 'sysvinit':
      return sysvinitLoading(tree, words);
    case 'busybox':
      return busyboxLoading(tree, words);
    case 'openrc':
      return openrcLoading(tree, words, ['sysinit', 'boot', 'default']);
    case 'runit':
      return runitLoading(tree);
    case 'none':
      return nothingLoads(init.because, init);
    case 'unknown':
      return unknownLoading(init.because, init);
  }
}
