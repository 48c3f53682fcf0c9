import { release } from 'node:os';
import { textOf } from '../../kernel/proc-files.js';
import {
  type NextBoot,
  readSysctlConfig,
  type SysctlAssignment,
  type SysctlConfig,
  type SysctlLoader,
  withoutLoader,
} from '../sysctl/config.js';
import { keyPath } from '../sysctl/line.js';
import type { FileTree, Unreadable } from '../tree/file-tree.js';
import { without } from '../tree/overlay.js';
import { bootLoading } from './boot-loading.js';
import { bootEntries } from './entries.js';
import { kernelDefault } from './kernel-default.js';
import type { BootLoading } from './loading.js';
import { type JudgedWriters, judge, otherWriters } from './other-writers/other-writers.js';
import { installedLoaders } from './sysctl-program.js';

/** A tmpfs, which is empty at the next boot. */
const VOLATILE = '/run';

/** The next boot: what loads sysctl.d, and the value that the key then has. */
export interface BootConfig extends SysctlConfig {
  loading: BootLoading;
  /** The loader that `loading` names, and those that are installed. */
  loaders: SysctlLoader[];
  /** By the loader that `loading` names; if nothing loads, by the kernel alone. */
  atBoot: NextBoot;
  /** What else writes the key. */
  others: JudgedWriters;
}

/** The lines in files of /run, which the next boot doesn't have. */
function volatileLines(tree: FileTree, key: string, loaders: readonly SysctlLoader[]): SysctlAssignment[] {
  return readSysctlConfig(tree, { key, ...(loaders.length > 0 && { loaders }) })
    .assignments.filter(({ file }) => file.startsWith(`${VOLATILE}/`))
    .map(line => ({ ...line, fate: 'not-read', by: null, because: `${VOLATILE} is empty at the next boot` }));
}

type LoaderConfig = Omit<BootConfig, 'others'>;

interface Boot {
  /** The place of the command line. */
  at: string;
  config: LoaderConfig;
}

function bootOf(tree: FileTree, key: string, initial: string | null, commandLine: string): LoaderConfig {
  const loading = bootLoading(tree, commandLine);
  const installed = installedLoaders(tree);
  const loaders = loading.state === 'loads' ? [...new Set([loading.loader, ...installed])] : installed;
  const question = {
    key,
    commandLine,
    ...(initial !== null && { initial }),
    ...(loaders.length > 0 && { loaders }),
  };
  const config = { ...readSysctlConfig(tree, question), loading, loaders };
  switch (loading.state) {
    case 'loads':
      return { ...config, atBoot: config.nextBoot[loading.loader] };
    case 'nothing-loads':
      return { ...config, atBoot: withoutLoader(tree, question) };
    case 'unknown': {
      const because = [`it is unknown what loads sysctl.d at boot: ${loading.because}`];
      return { ...config, atBoot: { state: 'unknown', because } };
    }
  }
}

const unknown = (unreadable: readonly Unreadable[]): NextBoot => ({
  state: 'unknown',
  because: unreadable.map(({ path, cause }) => `${path}: ${cause}`),
});

const told = (next: NextBoot) => (next.state === 'known' ? next.value : null);

/** The answer for all boots: the first, unless another boot differs. */
function agreed(boots: readonly Boot[], pick: (config: LoaderConfig) => NextBoot): NextBoot {
  const [first, ...others] = boots as [Boot, ...Boot[]];
  const answer = pick(first.config);
  const other = others.find(({ config }) => told(pick(config)) !== told(answer));
  if (other === undefined) return answer;
  const because = [`the kernel command lines of ${first.at} and ${other.at} make a difference`];
  return { state: 'unknown', because };
}

function agreedLoading(boots: readonly Boot[]): BootLoading {
  const [first, ...others] = boots as [Boot, ...Boot[]];
  const { loading } = first.config;
  const what = (one: BootLoading) => (one.state === 'loads' ? one.loader : one.state);
  const other = others.find(({ config }) => what(config.loading) !== what(loading));
  if (other === undefined) return loading;
  const because = `the kernel command lines of ${first.at} and ${other.at} make a difference`;
  return { init: loading.init, state: 'unknown', because, file: null, line: null };
}

/**
 * Models the next boot, for each kernel command line of the boot loader's entries. Without entries the running command line
 * counts. If the command lines lead to different values, the value is unknown. /run counts as empty.
 *
 * @param runningCommandLine null for a tree that doesn't run
 */
export function nextBootConfig(
  present: FileTree,
  key: string,
  runningCommandLine: string | null,
): BootConfig {
  const tree = without(present, VOLATILE);
  const path = keyPath(key);
  const isRunning = runningCommandLine !== null;
  const initial = kernelDefault(tree, path, isRunning ? release() : null)?.value ?? null;
  const { entries: found, unreadable } = bootEntries(tree);
  const entries = found.map(({ file, line, commandLine }) => ({
    at: `${file}:${line}`,
    commandLine,
  }));
  const lines =
    entries.length > 0 ? entries : [{ at: '/proc/cmdline', commandLine: runningCommandLine ?? '' }];
  const distinct = [...new Map(lines.map(line => [line.commandLine, line])).values()];
  const boots = distinct.map(({ at, commandLine }) => ({
    at,
    config: bootOf(tree, key, initial, commandLine),
  })) as [Boot, ...Boot[]];
  const { config } = boots[0];
  const modelled = Object.keys(config.nextBoot) as SysctlLoader[];
  const read = (next: NextBoot): NextBoot => (unreadable.length === 0 ? next : unknown(unreadable));
  const value = isRunning ? textOf(`/proc/sys/${path}`) : null;
  const { next, judged } = judge(
    read(agreed(boots, ({ atBoot }) => atBoot)),
    otherWriters(tree, path, value?.trim() ?? null),
    path,
  );
  return {
    ...config,
    loading: agreedLoading(boots),
    atBoot: next,
    others: judged,
    nextBoot: Object.fromEntries(
      modelled.map(loader => [loader, read(agreed(boots, ({ nextBoot }) => nextBoot[loader]))]),
    ) as SysctlConfig['nextBoot'],
    assignments: [...config.assignments, ...volatileLines(present, key, config.loaders)],
  };
}
