import { posix } from 'node:path';
import type { FileTree } from '../tree/file-tree.js';
import { valuesOf } from './command-line.js';

/** The program that the kernel starts as pid 1. */
export interface InitProgram {
  kind: 'systemd' | 'sysvinit' | 'busybox' | 'openrc' | 'runit' | 'none' | 'unknown';
  because: string;
  file: string | null;
}

/** The kernel tries these in order. `/init` is that of an initramfs, and of some containers. */
const PROGRAMS = ['/sbin/init', '/etc/init', '/bin/init', '/init'];
const SYSTEMD = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];
/** With this module dracut's initrd starts systemd, and not /sbin/init: src/core/main.c, do_reexecute() */
const DRACUT_SYSTEMD = '/usr/lib/dracut/modules.d/98dracut-systemd';

const BY_NAME: Record<string, InitProgram['kind']> = {
  systemd: 'systemd',
  busybox: 'busybox',
  'openrc-init': 'openrc',
  'runit-init': 'runit',
};
/** A text in the program. */
const BY_CONTENT: readonly [RegExp, InitProgram['kind']][] = [
  [/SysV init version|sysvinit-\d|INIT: version/, 'sysvinit'],
  [/BusyBox v\d/, 'busybox'],
];

function programAt(tree: FileTree, file: string): InitProgram | null {
  const found = tree.resolve(file);
  if (found.kind === 'unreadable') return { kind: 'unknown', file, because: found.cause };
  if (found.kind !== 'file' && tree.readLink(file) !== null)
    return { kind: 'unknown', file, because: `${file} is a link that leads nowhere in this tree` };
  if (found.kind !== 'file') return null;
  const name = posix.basename(found.path);
  const named = BY_NAME[name];
  if (named !== undefined) return { kind: named, file, because: `${file} is ${found.path}` };
  const content = tree.read(found.path);
  if (content.kind === 'unreadable') return { kind: 'unknown', file, because: content.cause };
  const text = content.kind === 'text' ? content.text : '';
  const kind = BY_CONTENT.find(([pattern]) => pattern.test(text))?.[1];
  if (kind !== undefined) return { kind, file, because: `${file} is ${kind}` };
  const what = text.startsWith('#!') ? 'a script' : `${found.path}, an init program that is not modelled`;
  return { kind: 'unknown', file, because: `${file} is ${what}` };
}

/** Kernel: init/main.c, kernel_init(); an initrd keeps to the same order */
export function initProgram(tree: FileTree, words: readonly string[]): InitProgram {
  const asked = valuesOf(words, 'init').at(-1);
  if (asked !== undefined) {
    const because = `init=${asked} of the kernel command line is not there`;
    return programAt(tree, asked) ?? { kind: 'unknown', file: null, because };
  }
  const program = PROGRAMS.map(file => programAt(tree, file)).find(found => found !== null);
  if (program?.kind === 'systemd') return program;
  if (
    tree.resolve(DRACUT_SYSTEMD).kind === 'directory' &&
    SYSTEMD.some(path => tree.resolve(path).kind === 'file')
  ) {
    const because = "an initrd with dracut's systemd module starts systemd, and not /sbin/init";
    return { kind: 'unknown', file: DRACUT_SYSTEMD, because };
  }
  return program ?? { kind: 'none', file: null, because: `there is no ${PROGRAMS.join(', ')}` };
}
