import type { FileTree, Unreadable } from '../tree/file-tree.js';
import { COMMAND_LINE, commandLineWrites, handsOverSettings } from './kernel-command-line.js';
import { keyPath, type Origin } from './line.js';
import {
  type ConfigurationFile,
  type IdleFate,
  originOf,
  type PlannedWrite,
  type SysctlLoad,
} from './plan.js';
import { PROCPS_SYSCTL } from './procps.js';
import { simulate, type Value } from './simulation.js';
import { SYSTEMD_SYSCTL } from './systemd.js';
import { planUfw } from './ufw.js';
import { unreadSettings } from './unread-settings.js';
import { kernelWrite } from './value.js';

/** The program that reads sysctl.d at boot. */
export type SysctlLoader = 'systemd-sysctl' | 'procps';
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
}

const LOADS: Record<SysctlLoader, SysctlLoad> = { 'systemd-sysctl': SYSTEMD_SYSCTL, procps: PROCPS_SYSCTL };
/** PAGE_SIZE - 1. do_proc_dointvec() accepts no longer text, and procps' proc_write() splits longer texts at commas. */
const LONGEST_TEXT = 4095;
/** Stands for an unknown initial value; no kernel value is equal to it. */
const UNSAID = '\0';
const LOADERS = ['systemd-sysctl', 'procps'] as const;

/**
 * Predicts the value of a key after the next boot for each of the two loaders, with the file and line that decide. The
 * prediction uses only facts of the tree. The value is unknown if a file that may matter can't be read.
 */
export function readSysctlConfig(tree: FileTree, question: SysctlQuestion = {}): SysctlConfig {
  const { key = 'kernel.yama.ptrace_scope', commandLine = '', initial = UNSAID } = question;
  const path = keyPath(key);
  const answers = LOADERS.map(loader => answer(tree, loader, path, commandLine, initial));
  const byLoader = <T>(pick: (answer: Answer) => T) =>
    Object.fromEntries(answers.map(one => [one.loader, pick(one)])) as Record<SysctlLoader, T>;
  return {
    key: path.replace(/[./]/g, separator => (separator === '/' ? '.' : '/')),
    nextBoot: byLoader(({ nextBoot }) => nextBoot),
    assignments: answers.flatMap(({ assignments }) => assignments),
    files: byLoader(({ files }) => files),
    unreadable: answers.flatMap(({ loader, unreadable }) => unreadable.map(one => ({ ...one, loader }))),
  };
}

/**
 * Predicts the value of a key after the next boot if nothing loads sysctl.d: the kernel's own value, what its command line sets,
 * and ufw.
 */
export function withoutLoader(tree: FileTree, question: SysctlQuestion = {}): NextBoot {
  const { key = 'kernel.yama.ptrace_scope', commandLine = '', initial = UNSAID } = question;
  const path = keyPath(key);
  const ufw = planUfw(tree, path);
  const writes = [...commandLineWrites(commandLine, path), ...(ufw?.writes ?? [])];
  const { value } = simulate(writes, kernelWrite(path), initial);
  return nextBoot(value, ufw?.unreadable ?? []);
}

interface Answer {
  loader: SysctlLoader;
  nextBoot: NextBoot;
  assignments: SysctlAssignment[];
  files: SysctlConfig['files'][SysctlLoader];
  unreadable: Unreadable[];
}

function answer(
  tree: FileTree,
  loader: SysctlLoader,
  key: string,
  commandLine: string,
  initial: string,
): Answer {
  const load = LOADS[loader];
  const plan = load.plan(tree, key);
  const ufw = planUfw(tree, key);
  const unreadable = [...plan.unreadable, ...(ufw?.unreadable ?? [])];
  if (loader === 'systemd-sysctl' && handsOverSettings(commandLine))
    unreadable.push({ path: COMMAND_LINE, cause: 'systemd.set_credential=sysctl.extra is not modelled' });

  const by = (writer: SysctlWriter, writes: PlannedWrite[]) => writes.map(write => ({ ...write, writer }));
  const writes = [
    ...by('kernel', commandLineWrites(commandLine, key)),
    ...by('loader', plan.writes),
    ...by('ufw', ufw?.writes ?? []),
  ];
  for (const { setting } of writes)
    if (setting.value.length >= LONGEST_TEXT)
      unreadable.push({
        path: setting.file,
        cause: `line ${setting.line}: a text of a page is not modelled`,
      });
  const { value, fates } = simulate(writes, kernelWrite(key), initial);
  const written = fates.map(({ write, ...fate }) => ({
    writer: write.writer,
    setting: write.setting,
    ...fate,
  }));
  const rest = [
    ...[...plan.idle, ...unreadSettings(tree, load, plan, key)].map(one => ({
      writer: 'loader' as const,
      ...one,
    })),
    ...(ufw?.idle ?? []).map(one => ({ writer: 'ufw' as const, ...one })),
  ];
  return {
    loader,
    nextBoot: nextBoot(value, unreadable),
    assignments: [...written, ...rest].map(({ setting, ...fate }) => ({
      loader,
      ...originOf(setting),
      line: setting.line,
      text: setting.text,
      value: setting.kind === 'assignment' ? setting.value : null,
      ...fate,
    })),
    files: plan.files.map(({ lines: _, ...file }) => file),
    unreadable,
  };
}

function nextBoot(value: Value, unreadable: Unreadable[]): NextBoot {
  const because = unreadable.map(({ path, cause }) => `${path}: ${cause}`);
  if (value.texts.has(UNSAID))
    because.push('no line surely sets it, and the initial value of the kernel is not known');
  else if (value.texts.size > 1)
    because.push(`one of ${[...value.texts].join(', ')}: a line whose path may be another's`);
  const [only] = value.texts;
  if (because.length > 0 || only === undefined) return { state: 'unknown', because };
  return { state: 'known', value: only, file: value.by?.file ?? null, line: value.by?.line ?? null };
}
