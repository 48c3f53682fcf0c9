// Compares the model with the loaders' own answers.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSysctlConfig, type SysctlConfig, type SysctlLoader } from '../../lib/audit/sysctl/config.js';
import { loadOf, procpsReleases } from '../../lib/audit/sysctl/loads.js';
import type { SysctlPlan } from '../../lib/audit/sysctl/plan.js';
import { planUfw } from '../../lib/audit/sysctl/ufw.js';
import { type FileTree, openFileTree } from '../../lib/audit/tree/file-tree.js';
import type { Oracle } from './oracle.js';
import type { Tree } from './tree.js';

/**
 * plain: ordinary files in place of /proc/sys. kernel: the lab's own /proc/sys for all trees, none of which asks for 3.
 * boots: a boot for each tree and loader, so that trees may ask for 3.
 */
export type Mode = 'plain' | 'kernel' | 'boots';

const PATH = 'kernel/yama/ptrace_scope';
export const LOADERS = ['systemd-sysctl', 'procps'] as const;

export interface Comparison {
  config: SysctlConfig;
  differences: string[];
}

/** Compares with the answers of one oracle. */
export function compare(tree: Tree, directory: string, mode: Mode, { prefix, versions }: Oracle): Comparison {
  const root = join(directory, 'root');
  const files = openFileTree(root);
  const config = readSysctlConfig(files, { initial: tree.initial, releases: versions });
  const said = (file: string) => readFileSync(join(directory, `${prefix}${file}`), 'latin1');
  const differences: string[] = [];
  const differ = (loader: SysctlLoader, what: string, model: unknown, real: unknown) => {
    if (JSON.stringify(model) !== JSON.stringify(real))
      differences.push(
        `${loader} ${versions[loader]}, ${what}: the model ${JSON.stringify(model)}, the loader ${JSON.stringify(real)}`,
      );
  };

  for (const loader of LOADERS) {
    const next = config.nextBoot[loader];
    const real = said(`${loader}.value`);
    if (mode === 'plain') {
      const writes = writesOf(files, loader, versions);
      if (writes.every(({ isCertain }) => isCertain))
        differ(loader, 'what the file holds', overlaid(writes), real);
    } else if (next.state === 'known') differ(loader, 'value', next.value, real.trim());
  }
  const opened = config.files['systemd-sysctl']
    .filter(({ path }) => opens(files, path))
    .map(({ path }) => path);
  const parsed = [
    ...said('systemd-sysctl.out').matchAll(/^(?:Parsing (.*)|Reading config file "(.*)".*)$/gm),
  ];
  differ(
    'systemd-sysctl',
    'order of files',
    opened,
    parsed.map(([, before, since]) => before ?? since),
  );
  const announced = config.files.procps.map(({ path, via }) => via ?? path);
  const applied = [...said('procps.out').matchAll(/^\* Applying (.*) \.\.\.$/gm)].map(([, path]) => path);
  differ(
    'procps',
    'order of files',
    announced.filter((path, at) => path !== announced[at - 1]),
    applied,
  );
  return { config, differences };
}

const opens = (files: FileTree, path: string) => {
  const content = files.read(path);
  return content.kind !== 'nothing' || content.because === 'directory' || content.because === 'null-device';
};

/** A write to an ordinary file, and how the program opens such a file. */
interface PlainWrite {
  text: string;
  isCertain: boolean;
  truncates: boolean;
  /** True for a release that doesn't write an empty line to an empty file. */
  spares: boolean;
}

function writesOf(files: FileTree, loader: SysctlLoader, versions: Oracle['versions']): PlainWrite[] {
  const { program } = procpsReleases(versions.procps)[0]!;
  const spares = ['252', '254', '257'].includes(versions['systemd-sysctl']);
  const written = (plan: SysctlPlan | null, truncates: boolean) =>
    (plan?.writes ?? []).map(({ setting, isCertain }) => ({
      text: `${setting.value}\n`,
      isCertain,
      truncates,
      spares,
    }));
  return [
    ...written(loadOf(loader, versions[loader]).plan(files, PATH), loader !== 'systemd-sysctl'),
    ...written(planUfw(files, PATH, program), true),
  ];
}

/** An ordinary file takes every text. systemd-sysctl overwrites the first bytes of the old text. */
function overlaid(writes: readonly PlainWrite[]): string {
  let held = '';
  for (const { text, truncates, spares } of writes) {
    // WRITE_STRING_FILE_SUPPRESS_REDUNDANT_VIRTUAL: a value that is there already is not written.
    const isThere = (held !== '' || spares) && (held === text || `${held}\n` === text);
    held = truncates ? text : isThere ? held : text + held.slice(text.length);
  }
  return held;
}

/** The order that `systemd-analyze cat-config` prints, up to the file that it can't open, where it ends. */
export function catConfig(
  directory: string,
  config: SysctlConfig,
): { isWhole: boolean; difference: string | null } {
  const root = join(directory, 'root');
  const { stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['cat-config', `--root=${root}`, '--no-pager', 'sysctl.d'],
    {
      encoding: 'latin1',
      env: { PATH: process.env.PATH, LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_URLIFY: '0' },
      maxBuffer: 2 ** 28,
    },
  );
  const begin = `# ${root}`;
  const printed = stdout
    .split('\n')
    .filter(line => line.startsWith(begin))
    .map(line => line.slice(begin.length));
  const model = config.files['systemd-sysctl']
    .map(({ path }) => path)
    .filter(path => !path.includes('/credstore/'));
  const isWhole = !/Failed to (cat|read)/.test(stderr);
  const expected = isWhole ? model : model.slice(0, printed.length);
  const isSame = JSON.stringify(expected) === JSON.stringify(printed);
  return {
    isWhole,
    difference: isSame ? null : `cat-config: the model ${expected}, systemd-analyze ${printed}`,
  };
}
