import {
  type NextBoot,
  readSysctlConfig,
  type SysctlAssignment,
  type SysctlConfig,
  withoutLoader,
} from '../sysctl/config.js';
import type { FileTree } from '../tree/file-tree.js';
import { without } from '../tree/overlay.js';
import { bootLoading } from './boot-loading.js';
import { bootEntries } from './entries.js';
import type { BootLoading } from './loading.js';

/** A tmpfs, which is empty at the next boot. */
const VOLATILE = '/run';

/** The next boot: what loads sysctl.d, and the value that the key then has. */
export interface BootConfig extends SysctlConfig {
  loading: BootLoading;
  /** By the loader that `loading` names; if nothing loads, by the kernel alone. */
  atBoot: NextBoot;
}

/** The lines in files of /run, which the next boot doesn't have. */
function volatileLines(tree: FileTree, key: string): SysctlAssignment[] {
  return readSysctlConfig(tree, { key })
    .assignments.filter(({ file }) => file.startsWith(`${VOLATILE}/`))
    .map(line => ({ ...line, fate: 'not-read', by: null, because: `${VOLATILE} is empty at the next boot` }));
}

interface Boot {
  /** The place of the command line. */
  at: string;
  config: BootConfig;
}

function bootOf(tree: FileTree, key: string, initial: string | null, commandLine: string): BootConfig {
  const question = { key, commandLine, ...(initial !== null && { initial }) };
  const config = readSysctlConfig(tree, question);
  const loading = bootLoading(tree, commandLine);
  switch (loading.state) {
    case 'loads':
      return { ...config, loading, atBoot: config.nextBoot[loading.loader] };
    case 'nothing-loads':
      return { ...config, loading, atBoot: withoutLoader(tree, question) };
    case 'unknown': {
      const because = [`it is unknown what loads sysctl.d at boot: ${loading.because}`];
      return { ...config, loading, atBoot: { state: 'unknown', because } };
    }
  }
}

const told = (next: NextBoot) => (next.state === 'known' ? next.value : null);

/** The answer for all boots: the first, unless another boot differs. */
function agreed(boots: readonly Boot[], pick: (config: BootConfig) => NextBoot): NextBoot {
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
 * @param initial the kernel's own value; null if it isn't known, and then the value is unknown unless a line sets it
 * @param runningCommandLine null for a tree that doesn't run
 */
export function nextBootConfig(
  present: FileTree,
  key: string,
  initial: string | null,
  runningCommandLine: string | null,
): BootConfig {
  const tree = without(present, VOLATILE);
  const entries = bootEntries(tree).map(({ file, line, commandLine }) => ({
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
  const loaders = Object.keys(config.nextBoot) as (keyof typeof config.nextBoot)[];
  return {
    ...config,
    loading: agreedLoading(boots),
    atBoot: agreed(boots, ({ atBoot }) => atBoot),
    nextBoot: Object.fromEntries(
      loaders.map(loader => [loader, agreed(boots, ({ nextBoot }) => nextBoot[loader])]),
    ) as SysctlConfig['nextBoot'],
    assignments: [...config.assignments, ...volatileLines(present, key)],
  };
}
