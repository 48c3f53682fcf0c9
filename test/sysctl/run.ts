// Plants trees, has the loaders read them, and compares.
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Random } from '../differential/random.js';
import { ROOT } from '../helpers/processes.js';
import { catConfig, compare, type Mode } from './compare.js';
import { CORNERS } from './corners.js';
import { generateTree } from './generate.js';
import { makeOracles, type Oracle, type Suites } from './oracle.js';
import { shrink } from './shrink.js';
import { asScript, plant, type Tree } from './tree.js';

export interface Totals {
  trees: number;
  /** The releases that were compared. */
  releases: string[];
  differences: number;
  /** Trees in which something of this kind happens. */
  shares: Record<string, number>;
  catConfigWhole: number;
  reproductions: string[];
}

const SCRIPT = join(import.meta.dirname, 'loaders.sh');
// The lab starts programs slowly: this one has the commands of the script in itself.
const LAB_SHELL = ['busybox', 'sh'];
const IN_LAB = [join(ROOT, 'scripts', 'lab'), '--kernel', 'uml', '--scope', '0', '--timeout', '7200', '--'];

function start([program = '', ...words]: string[]) {
  const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`the loaders did not run: ${status} ${stderr} ${error ?? ''}`);
}

/** A place for trees, and the programs to run on them. */
export class Nursery {
  // The lab has a /tmp of its own.
  readonly directory = mkdtempSync(join(ROOT, 'build', 'sysctl-'));
  readonly oracles: readonly Oracle[];
  #rounds = 0;

  constructor(suites: Suites = 'none') {
    this.oracles = makeOracles(join(this.directory, 'oracles'), suites);
  }

  /** One directory each, in order. */
  plant(trees: readonly Tree[]): string[] {
    const round = join(this.directory, `${this.#rounds++}`);
    return trees.map((tree, index) => {
      const directory = join(round, `${index}`.padStart(5, '0'));
      const root = join(directory, 'root');
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'initial'), tree.initial);
      plant(tree, root);
      linkSync(join(this.directory, 'oracles', 'null'), join(root, 'dev/null'));
      // The loaders are those of Debian.
      mkdirSync(join(root, 'var/lib/dpkg'), { recursive: true });
      return directory;
    });
  }

  /** Has the loaders read the trees that were planted together, as they are by now. */
  load(directories: readonly string[], mode: Mode): void {
    this.#run(dirname(directories[0] ?? ''), mode);
  }

  /** Both. */
  loaded(trees: readonly Tree[], mode: Mode): string[] {
    const directories = this.plant(trees);
    this.load(directories, mode);
    return directories;
  }

  #run(round: string, mode: Mode): void {
    for (const { prefix, directory, ways } of this.oraclesOf(mode)) {
      const command = [SCRIPT, directory, prefix, round, mode === 'plain' ? 'plain' : 'kernel'];
      if (mode === 'plain') start(['sh', ...command, ...ways]);
      else if (mode === 'kernel') start([...IN_LAB, ...LAB_SHELL, ...command, ...ways]);
      else for (const way of ways) start([...IN_LAB, ...LAB_SHELL, ...command, way]);
    }
  }

  /** A boot for each is for the machine's own programs. */
  oraclesOf(mode: Mode): readonly Oracle[] {
    return mode === 'boots' ? this.oracles.slice(0, 1) : this.oracles;
  }

  clear() {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface Settings {
  seed: number;
  count: number;
  /** The number of the first of these trees among those of the seed. The corners come before number 0. */
  first: number;
  mode: Mode;
}

export function runTrees(nursery: Nursery, { seed, count, first, mode }: Settings): Totals {
  const drawn = Array.from({ length: count }, (_, index) =>
    generateTree(new Random(seed, 'sysctl', mode, first + index), { without3: mode === 'kernel' }),
  );
  // A boot each is for what can't be seen without.
  const corners = mode === 'boots' || first > 0 ? [] : CORNERS;
  const trees = [...corners, ...drawn];
  const directories =
    mode === 'boots' ? trees.flatMap(tree => nursery.loaded([tree], mode)) : nursery.loaded(trees, mode);
  const totals: Totals = {
    trees: trees.length,
    releases: nursery.oraclesOf(mode).map(({ versions }) =>
      Object.entries(versions)
        .map(words => words.join(' '))
        .join(', '),
    ),
    differences: 0,
    shares: {},
    catConfigWhole: 0,
    reproductions: [],
  };
  for (const [index, tree] of trees.entries()) {
    const compared = nursery.oraclesOf(mode).map(oracle => compare(tree, directories[index]!, mode, oracle));
    const { config } = compared[0]!;
    const differences = compared.flatMap(one => one.differences);
    const cat = catConfig(directories[index]!, config);
    if (cat.isWhole) totals.catConfigWhole++;
    if (cat.difference !== null) differences.push(cat.difference);
    const kinds = new Set<string>(config.assignments.map(({ fate }) => fate));
    const [one, other] = [config.nextBoot['systemd-sysctl'], config.nextBoot.procps];
    if (one.state === 'unknown' || other.state === 'unknown') kinds.add('unknown');
    else if (one.value !== other.value) kinds.add('the loaders disagree');
    if (config.assignments.some(({ because }) => because?.includes("can't be lowered"))) kinds.add('3 stays');
    for (const kind of kinds) totals.shares[kind] = (totals.shares[kind] ?? 0) + 1;
    if (differences.length === 0) continue;
    totals.differences++;
    if (totals.reproductions.length < 5) {
      // A boot for each step is too slow.
      const small = mode === 'plain' ? shrink(tree, smaller => differs(nursery, smaller)) : tree;
      totals.reproductions.push(
        `${index < corners.length ? `corner ${index}` : `tree ${first + index - corners.length} of seed ${seed}`}:\n${differences.join('\n')}\n${asScript(small)}`,
      );
    }
  }
  return totals;
}

function differs(nursery: Nursery, tree: Tree): boolean {
  const [directory] = nursery.loaded([tree], 'plain');
  const compared = nursery.oracles.map(oracle => compare(tree, directory!, 'plain', oracle));
  const [own] = compared;
  return (
    compared.some(({ differences }) => differences.length > 0) ||
    catConfig(directory!, own!.config).difference !== null
  );
}
