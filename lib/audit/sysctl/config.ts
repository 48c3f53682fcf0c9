import type { FileTree } from '../tree/file-tree.js';
import { type Answer, answerOf, UNSAID } from './answer.js';
import { keyPath, type Origin } from './line.js';
import {
  isTooOld,
  loaderVersion,
  type ProgramRelease,
  procpsReleases,
  type Release,
  releasesOf,
  type SysctlLoader,
  unmodelled,
} from './loads.js';
import {
  type ConfigurationFile,
  type IdleFate,
  PlanReader,
  planOf,
  type SysctlLoad,
  type Unreadable,
} from './plan.js';
import { planUfw } from './ufw.js';

export type { SysctlLoader };
/** The writer of a value, in the order of the boot: the kernel from its command line, the loader, ufw. */
export type SysctlWriter = 'kernel' | 'loader' | 'ufw';

/** The value after the next boot, if this loader runs. */
export type NextBoot =
  /** `file` and `line` name the line that decides; both are null if no line does, and the kernel's initial value holds. */
  | { state: 'known'; value: string; file: string | null; line: number | null }
  | { state: 'unknown'; because: string[] };

/** Whether a line writes the value that holds in the end, or why it doesn't. */
export type SysctlFate = IdleFate | 'effective';

/** A line on the key, and its effect if this loader runs. */
export interface SysctlAssignment {
  loader: SysctlLoader;
  writer: SysctlWriter;
  file: string;
  line: number;
  text: string;
  /** The assigned value; null if the line isn't an assignment. */
  value: string | null;
  fate: SysctlFate;
  /** The line or file that overrides this line. */
  by: Origin | null;
  because: string | null;
}

export interface SysctlConfig {
  key: string;
  nextBoot: Record<SysctlLoader, NextBoot>;
  assignments: SysctlAssignment[];
  /** The configuration files, in the order of reading. */
  files: Record<SysctlLoader, Omit<ConfigurationFile, 'lines'>[]>;
  unreadable: (Unreadable & { loader: SysctlLoader })[];
}

export interface SysctlQuestion {
  /** With dots or slashes, as sysctl(8) takes it. */
  key?: string;
  /** The kernel command line of the next boot, as in /proc/cmdline. */
  commandLine?: string;
  /** The kernel's initial value, if known: 1 upstream, 0 in Debian's kernels. */
  initial?: string;
  /** The loaders whose lines are listed; systemd-sysctl and procps, unless said otherwise. */
  loaders?: readonly SysctlLoader[];
  /** The releases of the loaders, in place of those that the tree has. */
  releases?: Partial<Record<SysctlLoader, string>>;
}

const LOADERS: readonly SysctlLoader[] = ['systemd-sysctl', 'procps', 'busybox', 'openrc', 'void'];

/**
 * Predicts the value of a key after the next boot for each loader, with the file and line that decide. The
 * prediction uses only facts of the tree. The value is unknown if a file that may matter can't be read, or if the release of the
 * loader isn't known and the releases differ.
 */
export function readSysctlConfig(tree: FileTree, question: SysctlQuestion = {}): SysctlConfig {
  const { key = 'kernel.yama.ptrace_scope', loaders = ['systemd-sysctl', 'procps'] } = question;
  const path = keyPath(key);
  const answers = LOADERS.map(loader => ({ loader, ...answer(tree, loader, path, question) }));
  const inUse = answers.filter(({ loader }) => loaders.includes(loader));
  const byLoader = <T>(pick: (answer: Answer) => T) =>
    Object.fromEntries(answers.map(one => [one.loader, pick(one)])) as Record<SysctlLoader, T>;
  return {
    key: path.replace(/[./]/g, separator => (separator === '/' ? '.' : '/')),
    nextBoot: byLoader(({ nextBoot }) => nextBoot),
    assignments: inUse.flatMap(({ assignments }) => assignments),
    files: byLoader(({ files }) => files),
    unreadable: inUse.flatMap(({ loader, unreadable }) => unreadable.map(one => ({ ...one, loader }))),
  };
}

/**
 * Predicts the value of a key after the next boot if nothing loads sysctl.d: the kernel's own value, what its command line sets,
 * and ufw.
 */
export function withoutLoader(tree: FileTree, question: SysctlQuestion = {}): NextBoot {
  const { key = 'kernel.yama.ptrace_scope' } = question;
  return answer(tree, 'procps', keyPath(key), question, NO_LOAD).nextBoot;
}

const NO_LOAD: SysctlLoad = {
  plan: tree => planOf(new PlanReader(tree), [], [], []),
  parse: () => ({ lines: [], stoppedAt: null }),
  concerns: () => false,
};

/** What the loader does; where releases differ, the lines are those of the newest. */
function answer(
  tree: FileTree,
  loader: SysctlLoader,
  key: string,
  { commandLine = '', initial = UNSAID, releases = {} }: SysctlQuestion,
  inPlace: SysctlLoad | null = null,
): Answer {
  const versionOf = (one: SysctlLoader) => releases[one] ?? loaderVersion(tree, one);
  const version = versionOf(loader);
  const candidates = releasesOf(tree, loader, version);
  if (candidates.length === 0) return unmodelledAnswer(unmodelled(tree, loader));
  const procps = procpsReleases(versionOf('procps'));
  const hasUfw = procps.some(({ program }) => planUfw(tree, key, program) !== null);
  const programs = (release: Release) =>
    'program' in release ? [release as ProgramRelease] : hasUfw ? procps : procps.slice(-1);
  const answers = candidates.flatMap(release =>
    programs(release).map(({ program }) => ({
      release,
      ...answerOf(tree, loader, inPlace ?? release.load, program, key, { commandLine, initial }),
    })),
  );
  const newest = answers.at(-1) as Answer;
  return { ...newest, nextBoot: agreed(loader, version, candidates, answers) };
}

const unmodelledAnswer = (because: string | null): Answer => ({
  nextBoot: { state: 'unknown', because: [because ?? 'the loader is not modelled'] },
  assignments: [],
  files: [],
  unreadable: [],
});

const labelOf = ({ from, to, splitUsr }: Release) =>
  `${from === to ? from : `${from} to ${to}`}${splitUsr === false ? ' built without split /usr' : ''}`;

const told = ({ nextBoot }: Answer) => (nextBoot.state === 'known' ? nextBoot.value : 'unknown');

/** The answer of all releases; unknown if they differ. */
function agreed(
  loader: SysctlLoader,
  version: string | null,
  candidates: readonly Release[],
  answers: readonly (Answer & { release: Release })[],
): NextBoot {
  if (isTooOld(candidates, version)) {
    const because = `${loader} ${version} is older than ${candidates[0]?.from}, the first that is modelled`;
    return { state: 'unknown', because: [because] };
  }
  const newest = answers.at(-1) as Answer;
  if (answers.every(one => told(one) === told(newest))) return newest.nextBoot;
  const each = [...new Set(answers.map(one => `${labelOf(one.release)} gives ${told(one)}`))];
  const which = version === null ? `the release of ${loader} is not known` : `${loader} ${version}`;
  return { state: 'unknown', because: [`${which}: ${each.join(', ')}`] };
}
