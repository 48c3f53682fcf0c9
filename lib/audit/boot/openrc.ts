import { knownScript } from '../sysctl/known-scripts.js';
import type { FileTree } from '../tree/file-tree.js';
import { valuesOf } from './command-line.js';
import { type Loading, loads, nothingLoads, unknownLoading } from './loading.js';
import { scriptLoading } from './script.js';

const RUNLEVELS = '/etc/runlevels';
const SCRIPTS = '/etc/init.d';
/** The names of services that load sysctl.d: OpenRC's own, and Debian's procps. */
const SERVICE = 'sysctl';
const SERVICES = [SERVICE, 'procps'];

/** The level that a word of inittab, such as `/sbin/openrc boot`, starts. */
export function openrcLevel(command: string): string | null {
  const [, level = 'default'] = /^(?:\/usr)?\/s?bin\/(?:openrc|rc)(?:\s+(\w+))?$/.exec(command) ?? [];
  return /^(?:\/usr)?\/s?bin\/(?:openrc|rc)\b/.test(command) ? level : null;
}

/** The services of a runlevel, and of the levels that are stacked on it. src/librc/librc.c, rc_runlevel_stacks() */
function servicesOf(
  tree: FileTree,
  level: string,
  seen: Set<string>,
): { name: string; file: string }[] | null {
  const directory = `${RUNLEVELS}/${level}`;
  if (seen.has(directory)) return [];
  seen.add(directory);
  const listing = tree.list(directory);
  if (listing.kind === 'unreadable') return null;
  const names = listing.kind === 'names' ? listing.names : [];
  const found: { name: string; file: string }[] = [];
  for (const name of names.sort()) {
    const file = `${directory}/${name}`;
    if (tree.resolve(file).kind === 'directory') {
      const below = servicesOf(tree, name, seen);
      if (below === null) return null;
      found.push(...below);
    } else found.push({ name, file });
  }
  return found;
}

/** A service that another one needs starts too, without a link in a runlevel. */
function neededBy(tree: FileTree, names: readonly string[]): { file: string; line: number } | null {
  for (const name of names) {
    const file = `${SCRIPTS}/${name}`;
    const content = tree.read(file);
    if (content.kind !== 'text') continue;
    const line = content.text
      .split('\n')
      .findIndex(text => /^\s*(need|want)\s.*\b(sysctl|procps)\b/.test(text));
    if (line >= 0) return { file, line: line + 1 };
  }
  return null;
}

/** Whether OpenRC runs a service that loads sysctl.d in one of these runlevels. */
export function openrcLoading(tree: FileTree, words: readonly string[], levels: readonly string[]): Loading {
  const [other] = ['softlevel', 'bootlevel'].flatMap(name =>
    valuesOf(words, name).map(value => `${name}=${value}`),
  );
  if (other !== undefined)
    return unknownLoading(`${other} of the kernel command line chooses another runlevel`, {
      file: '/proc/cmdline',
    });
  const seen = new Set<string>();
  const all: { name: string; file: string }[] = [];
  for (const level of levels) {
    const services = servicesOf(tree, level, seen);
    if (services === null)
      return unknownLoading(`${RUNLEVELS}/${level} can't be read`, { file: `${RUNLEVELS}/${level}` });
    all.push(...services);
  }
  const service = all.find(({ name }) => SERVICES.includes(name));
  if (service !== undefined) return openrcService(tree, service.name, service.file);
  const needed = neededBy(tree, [...new Set(all.map(({ name }) => name))]);
  if (needed !== null) return unknownLoading(`${needed.file} needs the service`, needed);
  return nothingLoads(`no service sysctl is in the runlevels ${levels.join(', ')}`, { file: RUNLEVELS });
}

function openrcService(tree: FileTree, name: string, link: string): Loading {
  const script = tree.resolve(link);
  if (script.kind !== 'file') return nothingLoads(`${link} is a link that leads nowhere`, { file: link });
  if (script.path !== `${SCRIPTS}/${name}`)
    return unknownLoading(`${link} is ${script.path}`, { file: link });
  if (name !== SERVICE) return scriptLoading(tree, link);
  if (!script.isExecutable) return nothingLoads(`${link} is not executable`, { file: link });
  const content = tree.read(script.path);
  if (content.kind !== 'text' || knownScript(content.text, 'openrc') === null)
    return unknownLoading(`${script.path} is a script of another making`, { file: script.path });
  return loads('openrc', `${link} starts the script of OpenRC`, { file: script.path });
}
