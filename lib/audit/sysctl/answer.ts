import type { FileTree } from '../tree/file-tree.js';
import type { NextBoot, SysctlAssignment, SysctlWriter } from './config.js';
import { COMMAND_LINE, commandLineWrites, handsOverSettings } from './kernel-command-line.js';
import type { SysctlLoader } from './loads.js';
import {
  type ConfigurationFile,
  originOf,
  type PlannedWrite,
  type SysctlLoad,
  type SysctlProgram,
  type Unreadable,
} from './plan.js';
import { simulate, type Value } from './simulation.js';
import { planUfw } from './ufw.js';
import { unreadSettings } from './unread-settings.js';
import { kernelWrite } from './value.js';

/** PAGE_SIZE - 1. do_proc_dointvec() accepts no longer text, and procps' proc_write() splits longer texts at commas. */
const LONGEST_TEXT = 4095;
/** Stands for an unknown initial value; no kernel value is equal to it. */
export const UNSAID = '\0';

/** What one release of a loader does. */
export interface Answer {
  nextBoot: NextBoot;
  assignments: SysctlAssignment[];
  files: Omit<ConfigurationFile, 'lines'>[];
  unreadable: Unreadable[];
}

/** The kernel's side of a boot. */
export interface BootValues {
  commandLine: string;
  initial: string;
}

/** Plans the writes of the kernel, the loader and ufw, and applies them. */
export function answerOf(
  tree: FileTree,
  loader: SysctlLoader,
  load: SysctlLoad,
  ufwProgram: SysctlProgram,
  key: string,
  { commandLine, initial }: BootValues,
): Answer {
  const plan = load.plan(tree, key);
  const ufw = planUfw(tree, key, ufwProgram);
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
  const kernel = kernelWrite(key);
  const { value, fates } = simulate(writes, kernel, initial);
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
