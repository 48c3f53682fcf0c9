import type { FileTree } from '../tree/file-tree.js';
import { INITTAB, inittab } from './inittab.js';
import { type Loading, unknownLoading } from './loading.js';
import { openrcLevel, openrcLoading } from './openrc.js';

/** busybox 1.35: init/init.c, parse_inittab() runs this script if there is no inittab. */
const DEFAULT_SCRIPT = '/etc/init.d/rcS';
/** Actions that run a command at boot. */
const AT_BOOT = new Set(['sysinit', 'wait', 'once', 'respawn', 'askfirst']);

/** Whether busybox init loads sysctl.d: through OpenRC, as in Alpine. A boot script of its own is unknown. */
export function busyboxLoading(tree: FileTree, words: readonly string[]): Loading {
  const entries = inittab(tree);
  if (entries === null)
    return unknownLoading(`busybox init runs ${DEFAULT_SCRIPT}, which is not modelled`, {
      file: DEFAULT_SCRIPT,
    });
  if ('unreadable' in entries) return unknownLoading(entries.unreadable, { file: INITTAB });
  const commands = entries.filter(({ action }) => AT_BOOT.has(action));
  const levels = commands.map(({ command }) => openrcLevel(command)).filter(level => level !== null);
  if (levels.includes('sysinit')) return openrcLoading(tree, words, levels);
  const [first] = commands.filter(({ action }) => action === 'sysinit');
  if (first === undefined) return unknownLoading(`${INITTAB} has no sysinit line`, { file: INITTAB });
  return unknownLoading(`${INITTAB} runs ${first.command}, which is not modelled`, first);
}
