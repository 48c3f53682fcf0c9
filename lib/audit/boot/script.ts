import type { FileTree } from '../tree/file-tree.js';
import { type Loading, nothingLoads, unknownLoading } from './loading.js';
import { sysctlSystem } from './sysctl-program.js';

/** The first line of a shell script that isn't a comment and matches. 1-based; null if there is none. */
export function lineOf(text: string, pattern: RegExp): number | null {
  const at = text.split('\n').findIndex(line => !/^\s*#/.test(line) && pattern.test(line));
  return at < 0 ? null : at + 1;
}

/** `sysctl --system`, spelled as the scripts of OpenRC, sysvinit and Debian's procps spell it. */
const SYSTEM = /^\s*(?:(\/\S*\/)?sysctl|"?\$\{?DAEMON\}?"?)(?:\s+(?:-q|-e|\$\{?\w+\}?))*\s+--system\b/;

/** What an init script loads that is known to run. Only `sysctl --system` is followed; any other way is unknown. */
export function scriptLoading(tree: FileTree, file: string): Loading {
  const found = tree.resolve(file);
  const content = tree.read(file);
  if (content.kind === 'unreadable') return unknownLoading(`${file}: ${content.cause}`, { file });
  if (content.kind === 'nothing' || found.kind !== 'file')
    return nothingLoads(`${file} is a link that leads nowhere`, { file });
  if (!found.isExecutable) return nothingLoads(`${file} is not executable`, { file });
  const line = lineOf(content.text, SYSTEM);
  const text = content.text.split('\n')[(line ?? 0) - 1] ?? '';
  if (line === null) return unknownLoading(`${file} is a script of another making`, { file });
  const daemon = /^DAEMON=(\S+)$/m.exec(content.text)?.[1] ?? 'sysctl';
  const program = text.includes('DAEMON') ? daemon : `${SYSTEM.exec(text)?.[1] ?? ''}sysctl`;
  return sysctlSystem(tree, program, { file: found.path, line });
}
