import { release } from 'node:os';
import {
  type NextBoot,
  readSysctlConfig,
  type SysctlAssignment,
  type SysctlConfig,
  type SysctlLoader,
} from '../sysctl/config.js';
import { keyPath } from '../sysctl/line.js';
import type { FileTree } from '../tree/file-tree.js';
import { without } from '../tree/overlay.js';
import { bootEntries } from './entries.js';
import { kernelDefault } from './kernel-default.js';

const LOADERS: readonly SysctlLoader[] = ['systemd-sysctl', 'procps'];

/** A tmpfs, which is empty at the next boot. */
const VOLATILE = '/run';

/** The lines in files of /run, which the next boot doesn't have. */
function volatileLines(tree: FileTree, key: string): SysctlAssignment[] {
  return readSysctlConfig(tree, { key })
    .assignments.filter(({ file }) => file.startsWith(`${VOLATILE}/`))
    .map(line => ({ ...line, fate: 'not-read', by: null, because: `${VOLATILE} is empty at the next boot` }));
}

const told = (next: NextBoot) => (next.state === 'known' ? next.value : null);

/**
 * Models sysctl.d at the next boot, for each kernel command line of the boot loader's entries. Without entries the running
 * command line counts. If the command lines lead to different values, the value is unknown. /run counts as empty.
 *
 * @param given the kernel's own value; null: that of the tree's kernels, and without it the value is unknown unless a line sets it
 * @param runningCommandLine null for a tree that doesn't run
 */
export function nextBootConfig(
  present: FileTree,
  key: string,
  given: string | null,
  runningCommandLine: string | null,
): SysctlConfig {
  const tree = without(present, VOLATILE);
  const running = runningCommandLine === null ? null : release();
  const initial = given ?? kernelDefault(tree, keyPath(key), running)?.value ?? null;
  const { entries: found, unreadable } = bootEntries(tree);
  const entries = found.map(({ file, line, commandLine }) => ({
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
    if (unreadable.length > 0) {
      const because = unreadable.map(({ path, cause }) => `${path}: ${cause}`);
      nextBoot[loader] = { state: 'unknown', because };
      continue;
    }
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
