import { bootEntries } from './boot.js';
import type { FileTree } from './file-tree.js';
import { without } from './overlay.js';
import {
  type NextBoot,
  readSysctlConfig,
  type SysctlAssignment,
  type SysctlConfig,
  type SysctlLoader,
} from './sysctl-config.js';

const LOADERS: readonly SysctlLoader[] = ['systemd-sysctl', 'procps'];

/** A tmpfs: what is there now is not there at the next boot. */
const VOLATILE = '/run';

/** The lines in files that are gone by then. */
function volatileLines(tree: FileTree, key: string): SysctlAssignment[] {
  return readSysctlConfig(tree, { key })
    .assignments.filter(({ file }) => file.startsWith(`${VOLATILE}/`))
    .map(line => ({ ...line, fate: 'not-read', by: null, because: `${VOLATILE} is empty at the next boot` }));
}

const told = (next: NextBoot) => (next.state === 'known' ? next.value : null);

/**
 * The model of sysctl.d under each kernel command line that the next boot may have: those of the boot loader's entries, or
 * where it has none the running one. Where they make a difference, the value is unknown. What lies in /run is not there by then.
 *
 * @param initial the kernel's own value; null: not known, so that it is unknown without a line
 * @param runningCommandLine null: not of a tree that runs
 */
export function nextBootConfig(
  present: FileTree,
  key: string,
  initial: string | null,
  runningCommandLine: string | null,
): SysctlConfig {
  const tree = without(present, VOLATILE);
  const entries = bootEntries(tree).map(({ file, line, commandLine }) => ({
    at: `${file}:${line}`,
    commandLine,
  }));
  const boots =
    entries.length > 0 ? entries : [{ at: '/proc/cmdline', commandLine: runningCommandLine ?? '' }];
  const lines = [...new Map(boots.map(boot => [boot.commandLine, boot])).values()];
  const [first, ...others] = lines.map(({ at, commandLine }) => ({
    at,
    config: readSysctlConfig(tree, { key, commandLine, ...(initial !== null && { initial }) }),
  })) as [{ at: string; config: SysctlConfig }, ...{ at: string; config: SysctlConfig }[]];
  const nextBoot = { ...first.config.nextBoot };
  for (const loader of LOADERS) {
    const other = others.find(({ config }) => told(config.nextBoot[loader]) !== told(nextBoot[loader]));
    if (other === undefined) continue;
    const because = [`the kernel command lines of ${first.at} and ${other.at} make a difference`];
    nextBoot[loader] = { state: 'unknown', because };
  }
  return {
    ...first.config,
    assignments: [...first.config.assignments, ...volatileLines(present, key)],
    nextBoot,
  };
}
