// Compares the model with the loaders' own answers.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerOf } from '../../lib/audit/sysctl/answer.js';
import { readSysctlConfig, type SysctlConfig } from '../../lib/audit/sysctl/config.js';
import { BUSYBOX, loadOf, PROCPS, releaseOf } from '../../lib/audit/sysctl/loads.js';
import type { SysctlLoad, SysctlPlan } from '../../lib/audit/sysctl/plan.js';
import { alpineScript, voidScript } from '../../lib/audit/sysctl/scripts.js';
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

type Versions = Oracle['versions'];

interface Way {
  /** The program that writes. */
  program: keyof Versions;
  load(versions: Versions): SysctlLoad;
}

const procpsProgram = ({ procps }: Versions) => releaseOf(PROCPS, procps).program;
const busyboxProgram = ({ busybox }: Versions) => releaseOf(BUSYBOX, busybox).program;
const direct = (program: keyof Versions): Way => ({
  program,
  load: versions => loadOf(program, versions[program]),
});

/** The ways of loading that loaders.sh tries. */
const WAYS: Record<string, Way> = {
  'systemd-sysctl': direct('systemd-sysctl'),
  procps: direct('procps'),
  busybox: direct('busybox'),
  'void-procps': { program: 'procps', load: versions => voidScript(procpsProgram(versions)) },
  'void-busybox': { program: 'busybox', load: versions => voidScript(busyboxProgram(versions)) },
  'alpine-procps': { program: 'procps', load: versions => alpineScript(procpsProgram(versions)) },
  'alpine-busybox': { program: 'busybox', load: versions => alpineScript(busyboxProgram(versions)) },
};

export interface Comparison {
  config: SysctlConfig;
  differences: string[];
}

/** Compares with the answers of one oracle. */
export function compare(
  tree: Tree,
  directory: string,
  mode: Mode,
  { prefix, versions, ways }: Oracle,
): Comparison {
  const root = join(directory, 'root');
  const files = openFileTree(root);
  const config = readSysctlConfig(files, { initial: tree.initial, releases: versions });
  const said = (file: string) => readFileSync(join(directory, `${prefix}${file}`), 'latin1');
  const differences: string[] = [];
  const differ = (name: string, what: string, model: unknown, real: unknown) => {
    const version = versions[WAYS[name]!.program];
    if (JSON.stringify(model) !== JSON.stringify(real))
      differences.push(
        `${name} ${version}, ${what}: the model ${JSON.stringify(model)}, the loader ${JSON.stringify(real)}`,
      );
  };

  for (const name of ways) {
    const way = WAYS[name]!;
    const real = said(`${name}.value`);
    if (mode === 'plain') {
      const writes = writesOf(files, way, versions);
      if (writes?.every(({ isCertain }) => isCertain))
        differ(name, 'what the file holds', overlaid(writes), real);
    } else {
      const { nextBoot } = answerOf(files, 'procps', way.load(versions), procpsProgram(versions), PATH, {
        commandLine: '',
        initial: tree.initial,
      });
      if (nextBoot.state === 'known') differ(name, 'value', nextBoot.value, real.trim());
    }
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

/** A write to an ordinary file. */
interface PlainWrite {
  /** With the newline at its end, which busybox leaves out. */
  text: string;
  isCertain: boolean;
  /** systemd-sysctl overwrites the first bytes of the old text; the others truncate the file. */
  truncates: boolean;
  /** True for a release that doesn't write an empty line to an empty file. */
  spares: boolean;
}

/** Null if a line has an effect on an ordinary file that it has on no sysctl: busybox truncates for an empty value. */
function writesOf(files: FileTree, { program, load }: Way, versions: Versions): PlainWrite[] | null {
  const plan = load(versions).plan(files, PATH);
  if (plan.idle.some(({ because }) => because === 'nothing is written')) return null;
  const spares = ['252', '254', '257'].includes(versions['systemd-sysctl']);
  const written = (plan: SysctlPlan | null, by: keyof Versions) =>
    (plan?.writes ?? []).map(({ setting, isCertain }) => ({
      text: by === 'busybox' ? setting.value : `${setting.value}\n`,
      isCertain,
      truncates: by !== 'systemd-sysctl',
      spares,
    }));
  return [...written(plan, program), ...written(planUfw(files, PATH, procpsProgram(versions)), 'procps')];
}

/** An ordinary file takes every text. */
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
