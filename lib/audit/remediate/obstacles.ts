import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { type BootConfig, nextBootConfig } from '../boot/next-boot.js';
import type { NextBoot, SysctlAssignment, SysctlLoader } from '../sysctl/config.js';
import type { FileTree } from '../tree/file-tree.js';

export const KEY = 'kernel.yama.ptrace_scope';

/** A line because of which a loader would not set the wanted value. `file` is null if there is no such line. */
export interface Obstacle {
  file: string | null;
  line: number | null;
  why: string;
}

/** Loaders that read sysctl.d also if a person runs them. */
const BY_HAND: readonly SysctlLoader[] = ['systemd-sysctl', 'procps'];

/** The loader of the next boot, and those that are installed too. */
function loadersOf({ loading, loaders }: BootConfig): SysctlLoader[] {
  const atBoot = loading.state === 'loads' ? loading.loader : null;
  return loaders.filter(loader => loader === atBoot || BY_HAND.includes(loader));
}

function obstacleOf(loader: SysctlLoader, next: NextBoot, scope: PtraceScopeValue): Obstacle[] {
  if (next.state === 'unknown') {
    const why = `the value that ${loader} would set is unknown, and must be known first: ${next.because.join('; ')}`;
    return [{ file: null, line: null, why }];
  }
  if (next.value === `${scope}`) return [];
  return [{ file: next.file, line: next.line, why: `would set ${next.value} last, for ${loader}` }];
}

/** After 3 the kernel refuses every other value. A loader with such a line reports failure. */
function refused(assignments: readonly SysctlAssignment[], loader: SysctlLoader): Obstacle[] {
  return assignments
    .filter(one => one.loader === loader && one.fate === 'refused' && one.writer !== 'kernel')
    .map(({ file, line, value }) => ({
      file,
      line,
      why: `sets ${value} after 3, so that ${loader} fails`,
    }));
}

/** What else writes the key, and may change what the loader has set. An initrd is rebuilt after the change, and is no obstacle. */
function otherObstacles({ others: { writers, unreadable } }: BootConfig): Obstacle[] {
  const writing = writers.filter(({ kind, mayChange }) => mayChange && kind !== 'initrd');
  return [
    ...writing.map(
      ({ file, line, text }) => `${file}${line === null ? '' : `:${line}`} may change it too: ${text}`,
    ),
    ...unreadable.map(({ path, cause }) => `${path} may change it, and can't be read: ${cause}`),
  ].map(why => ({ file: null, line: null, why }));
}

/** The obstacles for each loader of the tree, and then those that no change of sysctl.d removes. */
export function obstacles(tree: FileTree, scope: PtraceScopeValue, commandLine: string | null): Obstacle[] {
  const config = nextBootConfig(tree, KEY, commandLine);
  const { loading, nextBoot, assignments } = config;
  if (loading.state === 'unknown')
    return [{ file: null, line: null, why: `it is unknown what loads sysctl.d at boot: ${loading.because}` }];
  const ofLoaders = loadersOf(config).flatMap(loader => [
    ...obstacleOf(loader, nextBoot[loader], scope),
    ...(scope === 3 ? refused(assignments, loader) : []),
  ]);
  return ofLoaders.length > 0 ? ofLoaders : otherObstacles(config);
}
