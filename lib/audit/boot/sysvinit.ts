import type { FileTree } from '../tree/file-tree.js';
import { INITTAB, inittab } from './inittab.js';
import { type Loading, nothingLoads, unknownLoading } from './loading.js';
import { openrcLevel, openrcLoading } from './openrc.js';
import { lineOf, scriptLoading } from './script.js';

const RC_S = '/etc/rcS.d';
const SCRIPTS = '/etc/init.d';
/** Debian's sysv-rc starts the scripts with startpar if none of these is empty, and then only those that the lists name. */
const STARTPAR = ['boot', 'start', 'stop'].map(name => `${SCRIPTS}/.depend.${name}`);
const LEGACY_ORDER = `${SCRIPTS}/.legacy-bootordering`;

/**
 * Whether the links of a runlevel start Debian's script of procps. A link that begins with K, or whose script isn't executable,
 * starts nothing.
 *
 * sysv-rc 3.06: /lib/init/rc
 */
export function rcLoading(tree: FileTree, words: readonly string[]): Loading {
  const listing = tree.list(RC_S);
  if (listing.kind === 'unreadable') return unknownLoading(listing.cause, { file: RC_S });
  const names = listing.kind === 'names' ? listing.names.sort() : [];
  const link = names.find(name => /^S\d+procps$/.test(name));
  if (link === undefined) {
    const disabled = names.find(name => /^K\d+procps$/.test(name));
    const file = disabled === undefined ? RC_S : `${RC_S}/${disabled}`;
    return nothingLoads(
      disabled === undefined ? `${RC_S} has no link S??procps` : `${file} disables the script`,
      { file },
    );
  }
  return listedByStartpar(tree, words) ?? configured(tree) ?? scriptLoading(tree, `${RC_S}/${link}`);
}

function listedByStartpar(tree: FileTree, words: readonly string[]): Loading | null {
  const lists = STARTPAR.map(path => tree.read(path));
  const hasLists = lists.every(content => content.kind === 'text' && content.text !== '');
  const isSequential =
    !hasLists ||
    tree.resolve(LEGACY_ORDER).kind === 'file' ||
    words.some(word => /\bconcurrency=none\b/.test(word));
  const [boot] = lists;
  if (isSequential || boot?.kind !== 'text') return null;
  const targets = /^TARGETS = (.*)$/m.exec(boot.text)?.[1]?.split(/\s+/) ?? [];
  if (targets.includes('procps')) return null;
  return unknownLoading(`${STARTPAR[0]} does not name procps, although ${RC_S} does`, {
    file: STARTPAR[0] ?? null,
  });
}

/** init-d-script reads /etc/default/NAME, which can replace what the script runs. */
function configured(tree: FileTree): Loading | null {
  const file = '/etc/default/procps';
  const content = tree.read(file);
  if (content.kind === 'nothing') return null;
  if (content.kind === 'unreadable') return unknownLoading(content.cause, { file });
  const line = lineOf(content.text, /\S/);
  return line === null ? null : unknownLoading(`${file} may change what the script runs`, { file, line });
}

/** What /etc/init.d/rcS starts: the links of Debian's sysv-rc, or OpenRC in its place. */
function rcSLoading(tree: FileTree, words: readonly string[], file: string): Loading {
  const content = tree.read(file);
  if (content.kind === 'unreadable') return unknownLoading(`${file}: ${content.cause}`, { file });
  if (content.kind === 'nothing') return unknownLoading(`${file} of ${INITTAB} is not there`, { file });
  if (lineOf(content.text, /^\s*exec\s+\/etc\/init\.d\/rc\s+S\s*$/) !== null) return rcLoading(tree, words);
  if (lineOf(content.text, /^\s*exec\s+\/sbin\/openrc\s+sysinit\s*$/) !== null)
    return openrcLoading(tree, words, ['sysinit', 'boot', 'default']);
  return unknownLoading(`${file} is a script of another making`, { file });
}

/** Whether sysvinit loads sysctl.d, by the commands that inittab runs at boot. */
export function sysvinitLoading(tree: FileTree, words: readonly string[]): Loading {
  if (words.some(word => word === '-b' || word === 'emergency'))
    return nothingLoads('with emergency on the kernel command line, init runs no boot script', {
      file: '/proc/cmdline',
    });
  const entries = inittab(tree);
  if (entries === null) return unknownLoading(`there is no ${INITTAB}`, { file: null });
  if ('unreadable' in entries) return unknownLoading(entries.unreadable, { file: INITTAB });
  const first = entries.find(({ action }) => action === 'sysinit');
  if (first === undefined) return unknownLoading(`${INITTAB} has no sysinit line`, { file: INITTAB });
  const levels = entries.map(({ command }) => openrcLevel(command)).filter(level => level !== null);
  if (openrcLevel(first.command) !== null)
    return openrcLoading(
      tree,
      words,
      ['sysinit', 'boot', 'default'].filter(level => levels.includes(level)),
    );
  if (/^\/etc\/init\.d\/rcS$/.test(first.command)) return rcSLoading(tree, words, first.command);
  return unknownLoading(`${INITTAB} runs ${first.command}, which is not modelled`, first);
}
