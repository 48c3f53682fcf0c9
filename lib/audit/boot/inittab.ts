import type { FileTree } from '../tree/file-tree.js';

export const INITTAB = '/etc/inittab';

export interface InittabEntry {
  runlevels: string;
  action: string;
  command: string;
  file: string;
  line: number;
}

/** The entries `ID:RUNLEVELS:ACTION:COMMAND` of sysvinit and busybox. Null: there is no such file. */
export function inittab(tree: FileTree): InittabEntry[] | { unreadable: string } | null {
  const content = tree.read(INITTAB);
  if (content.kind === 'unreadable') return { unreadable: content.cause };
  if (content.kind === 'nothing') return null;
  return content.text.split('\n').flatMap((text, at) => {
    const [, runlevels = '', action = '', command = ''] =
      /^\s*[^#:\s]?[^:]*:([^:]*):([^:]*):(.*)$/.exec(text.replace(/^\s*#.*/, '')) ?? [];
    return action === '' ? [] : [{ runlevels, action, command: command.trim(), file: INITTAB, line: at + 1 }];
  });
}
