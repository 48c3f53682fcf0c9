// Random populations: compares the processes that are really reached with the model's answer.
import { reach } from '../../lib/policy/reach/reach.js';
import { generatePopulation } from '../differential/generate.js';
import { Observer } from '../differential/observer.js';
import { type Population, type ProcessSpec, processOf } from '../differential/population.js';
import { Random } from '../differential/random.js';
import { type Role, type Staged, stage } from '../differential/stage.js';
import { Actor } from './actor.js';
import {
  Attack,
  compareWithReach,
  type Host,
  onlyAmong,
  type ReachComparison,
  type ReachDifference,
  type SpreadOptions,
} from './attack.js';

/** Milliseconds; a population takes a second. */
const PATIENCE = 120_000;

const hostsOf = ({ roles }: Staged): Host[] =>
  roles.flatMap(({ name, pid, secret }) => (secret === null ? [] : [{ name, pid, secret }]));

/** As observe() lists it: by first threads, which are there, and whose credentials the others have, untraced. */
function asListed(spec: ProcessSpec): ProcessSpec {
  const { ends, threads, ...rest } = spec;
  const own = spec.credentials && { credentials: spec.credentials };
  return {
    ...rest,
    ...(ends !== undefined && ends !== 'leader' && { ends }),
    ...(threads && { threads: threads.map(({ name }) => ({ name, ...own })) }),
  };
}

export interface NamedDifference extends ReachDifference {
  readonly name: string;
}

export interface AttackRun extends ReachComparison {
  readonly from: string;
  readonly differences: readonly NamedDifference[];
  readonly asked: number;
}

export class AttackRange {
  readonly #actor: Actor;
  readonly #observer: Observer;

  static async open(): Promise<AttackRange> {
    return new AttackRange(...(await Promise.all([Actor.start(), Observer.start(null)])));
  }

  private constructor(actor: Actor, observer: Observer) {
    this.#actor = actor;
    this.#observer = observer;
  }

  async close(): Promise<void> {
    this.#observer.stop();
    await this.#actor.stop();
  }

  /**
   * The population of a seed, and the processes that the attacker has. `listed`: without processes that observe()
   * doesn't list.
   */
  static draw(seed: number, listed: boolean): { population: Population; from: string } {
    const random = new Random(seed);
    const drawn = generatePopulation(random);
    const population = listed ? drawn.map(asListed) : drawn;
    const living = population.filter(({ ends }) => ends === undefined);
    return { population, from: random.pick(living).name };
  }

  /** Spreads as far as possible, and ends all processes. Returns the reached ones. */
  spread(population: Population, from: string): Promise<number[]> {
    return this.#bounded(population, from, async () => {
      const { staged } = await this.#spread(population, from);
      const [conductor] = staged.roles;
      return hostsOf(staged).flatMap(({ pid }) => (pid === conductor?.pid ? [] : [pid]));
    });
  }

  /** Compares with reach(). */
  compare(population: Population, from: string): Promise<AttackRun> {
    return this.#bounded(population, from, () => this.#compare(population, from));
  }

  /** An actor that doesn't answer is a defect: it ends, and with it the run. */
  async #bounded<T>(population: Population, from: string, run: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => void this.#actor.kill(), PATIENCE);
    try {
      return await run();
    } catch (error) {
      throw new Error(`from ${from} of the population ${JSON.stringify(population)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async #attacking<T>(staged: Staged, use: (attack: Attack) => Promise<T>): Promise<T> {
    const attack = await Attack.on(this.#actor, hostsOf(staged));
    try {
      return await use(attack);
    } finally {
      await attack.end();
      await this.#actor.end();
    }
  }

  async #spread(population: Population, from: string, options?: SpreadOptions) {
    const staged = await stage(this.#actor, population);
    const { snapshot } = await this.#observer.observe(staged);
    const start = staged.roles.find(({ name }) => name === from)!.pid;
    const spread = await this.#attacking(staged, attack => attack.spread(start, options));
    return { staged, snapshot, start, spread };
  }

  async #compare(population: Population, from: string): Promise<AttackRun> {
    const { staged: first, snapshot, start, spread } = await this.#spread(population, from);
    const names = new Map(first.roles.map(({ name, pid }) => [pid, name]));
    const second = await stage(this.#actor, population);
    const again = (pid: number) => second.roles.find(({ name }) => name === names.get(pid)) as Role;
    const compared = await this.#attacking(second, attack =>
      compareWithReach(
        onlyAmong(snapshot, hostsOf(first), first.declared),
        start,
        spread,
        reach,
        async path => ({
          ...(await attack.follow(
            again(start).pid,
            path.map(pid => again(pid).pid),
          )),
          wanted: again(path.at(-1)!).secret!,
        }),
      ),
    );
    const differences = compared.differences.map(difference => ({
      ...difference,
      name: names.get(difference.pid) ?? `${difference.pid}`,
      because: difference.because.replace(/\d+/g, number => names.get(Number(number)) ?? number),
    }));
    return { ...compared, from, differences, asked: spread.asked };
  }
}

export const specOf = (population: Population, name: string) =>
  JSON.stringify(processOf(population, name) ?? name);
