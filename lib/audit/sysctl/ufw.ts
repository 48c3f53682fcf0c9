import type { FileTree } from '../tree/file-tree.js';
import { PlanReader, type SysctlPlan, type SysctlProgram } from './plan.js';

const PROGRAM = '/lib/ufw/ufw-init';
/** The files that ufw sources, in this order. */
const SETTINGS = ['/etc/default/ufw', '/etc/ufw/ufw.conf'];

/**
 * The values that ufw writes to `key` when ufw starts, after the loader: `sysctl -e -q -p $IPT_SYSCTL`. Null if ufw isn't
 * installed, or isn't enabled in its settings. The state of ufw's unit is not checked. `program` is the sysctl of the tree.
 *
 * ufw 0.36: /lib/ufw/ufw-init-functions, ufw_start()
 */
export function planUfw(tree: FileTree, key: string, program: SysctlProgram): SysctlPlan | null {
  if (tree.resolve(PROGRAM).kind === 'missing') return null;
  const reader = new PlanReader(tree);
  const unknown = (): SysctlPlan => program.load(tree, reader, [], key);
  let enabled: string | null = '';
  let names: string | null = '';
  for (const path of SETTINGS) {
    const content = tree.read(path);
    if (content.kind === 'unreadable') {
      reader.unreadable.push({ path, cause: content.cause });
      return unknown();
    }
    // ufw ends here if `test -s` fails: "Could not find … (aborting)".
    if (content.kind === 'nothing' || content.text === '') return null;
    enabled = lastValue(content.text, 'ENABLED', enabled);
    names = lastValue(content.text, 'IPT_SYSCTL', names);
  }
  if (enabled !== null && enabled.toLowerCase() !== 'yes') return null;
  if (enabled === null || names === null) {
    reader.unreadable.push({ path: SETTINGS.join(' '), cause: 'a value that only a shell can tell' });
    return unknown();
  }
  const paths = names.split(/[ \t\n]+/).filter(name => name !== '');
  // ufw checks $IPT_SYSCTL with `test -s`: one path must be a file that isn't empty, and several paths always fail.
  const [path] = paths;
  if (path === undefined || paths.length > 1) return null;
  const content = tree.read(path);
  if (content.kind === 'nothing' || (content.kind === 'text' && content.text === '')) return null;
  return program.load(tree, reader, [path], key);
}

/** The value of the variable after a shell reads this text. Null if only a shell can tell; `before` if nothing assigns it. */
function lastValue(text: string, name: string, before: string | null): string | null {
  let value = before;
  for (const [, word = ''] of text.matchAll(new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}=(.*)$`, 'gm'))) {
    const plain = /^(?:"([^"$`\\]*)"|'([^']*)'|([\w./,:@%+-]*))[ \t]*(?:#.*|;.*)?$/.exec(word);
    value = plain === null ? null : (plain[1] ?? plain[2] ?? plain[3] ?? '');
  }
  return value;
}
