// What systemd starts at boot, by the unit files of random trees: the model, compared with `systemd --test`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { bootWords, valuesOf } from '../../lib/audit/boot/command-line.js';
import type { Loading } from '../../lib/audit/boot/loading.js';
import { systemdLoading } from '../../lib/audit/boot/systemd.js';
import { conditionLines } from '../../lib/audit/boot/unit-conditions.js';
import { listed, UnitFiles } from '../../lib/audit/boot/unit-files.js';
import { type FileTree, openFileTree } from '../../lib/audit/tree/file-tree.js';
import { drawUnitTree, type UnitTree } from '../boot/systemd-trees.js';
import { Random } from '../differential/random.js';
import { IS_ROOT } from '../helpers/processes.js';
import { entriesOf } from '../helpers/root-tree.js';
import { SEED, times } from '../helpers/tier.js';
import { plant, plantable } from '../sysctl/tree.js';

const SCRIPT = join(import.meta.dirname, '../boot/systemd-start.sh');
const SERVICE = 'systemd-sysctl.service';
const COUNT = times(60, 600);

interface Started {
  isStarted: boolean;
  commands: string[];
  conditions: string[];
}

/** The model's commands and conditions. */
function modelled(tree: FileTree, words: readonly string[]): Omit<Started, 'isStarted'> {
  const unit = new UnitFiles(tree, valuesOf(words, 'systemd.mask')).load(SERVICE);
  const settings = unit.state === 'loaded' ? unit.settings : [];
  return {
    commands: listed(settings, 'Service', 'ExecStart').map(({ value }) => value),
    // systemd has the list in reverse, and without the slash at the end of a path.
    conditions: conditionLines(settings, 'Condition')
      .map(({ key, value }) => `${key.slice('Condition'.length)} ${value.replace(/\/$/, '')}`)
      .sort(),
  };
}

function agrees(loading: Loading, { isStarted, commands: [command, ...others] }: Started): boolean {
  switch (loading.state) {
    case 'loads':
      return isStarted && command === '/usr/lib/systemd/systemd-sysctl' && others.length === 0;
    case 'nothing-loads':
      return !isStarted || loading.because.endsWith('does not hold');
    case 'unknown':
      return isStarted || loading.because.match(/can't start|only since|requires a unit/) !== null;
  }
}

/** Reads the dump of `systemd --test`. */
function dumped(text: string): Started {
  const [units = '', jobs = ''] = text.split('-> By jobs:');
  const unit =
    units
      .split(/\n?\t-> Unit /)
      .find(one => one.startsWith(`${SERVICE}:`) || one.includes(`\t\tAlias: ${SERVICE}\n`)) ?? '';
  const id = unit.slice(0, unit.indexOf(':'));
  return {
    isStarted: id !== '' && jobs.includes(`Action: ${id} -> start`),
    commands: [
      ...(/-> ExecStart:\n((?:\t\t\t.*\n)*)/.exec(unit)?.[1] ?? '').matchAll(/Command Line: (.*)/g),
    ].map(([, line = '']) => line),
    conditions: [...unit.matchAll(/^\t\tCondition(\w+): (.*) untested$/gm)].map(
      ([, kind, value]) => `${kind} ${value}`,
    ),
  };
}

it.skipIf(!IS_ROOT)(
  `${COUNT} trees of unit files of seed ${SEED}: started as systemd starts them, with its commands and conditions (needs root: mounts)`,
  () => {
    const random = new Random(SEED, 'systemd-units');
    const directory = mkdtempSync(join(tmpdir(), 'tracegate-units-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const trees: [string, UnitTree][] = Array.from({ length: COUNT }, (_, at) => {
      const drawn = drawUnitTree(random);
      const root = join(directory, `${at}`);
      const files = {
        ...drawn.files,
        '/usr/lib/systemd/systemd-sysctl': '',
        '/etc/machine-id': 'f'.repeat(32),
      };
      plant({ initial: '', entries: plantable(entriesOf(files)) }, root);
      mkdirSync(join(root, 'etc/systemd'), { recursive: true });
      writeFileSync(join(root, 'commandline'), drawn.commandLine);
      writeFileSync(
        join(root, 'unit'),
        drawn.commandLine.replace(/^.*systemd\.unit=(\S+).*$|.*/, (_, unit) =>
          unit === undefined ? '' : `--unit=${unit}`,
        ),
      );
      return [root, drawn];
    });
    spawnSync('chmod', ['-R', 'a+rX', directory]);
    const run = spawnSync('sh', [SCRIPT, directory], { encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const differences: object[] = [];
    const states = new Set<string>();
    for (const [root, { files, commandLine }] of trees) {
      const real = dumped(readFileSync(`${root}.jobs`, 'utf8'));
      const words = bootWords(commandLine);
      const tree = openFileTree(root);
      const loading = systemdLoading(tree, words);
      states.add(loading.state);
      const model = modelled(tree, words);
      const { isStarted, ...same } = real;
      if (!agrees(loading, real) || (isStarted && !isDeepStrictEqual(model, same)))
        differences.push({
          commandLine,
          files,
          loading,
          model,
          real,
          log: readFileSync(`${root}.log`, 'utf8'),
        });
    }
    expect(differences).toEqual([]);
    expect([...states].sort()).toEqual(['loads', 'nothing-loads', 'unknown']);
  },
);
