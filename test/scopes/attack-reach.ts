// Random populations: who is really got at, beside what the model says of it.
import type { Snapshot } from '../../lib/kernel/host.js';
import { reach } from '../../lib/policy/reach.js';
import { generatePopulation } from '../differential/generate.js';
import { Observer } from '../differential/observer.js';
import { type Population, processOf } from '../differential/population.js';
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
} from './attack.js';

/** Milliseconds; a population takes a second. */
const PATIENCE = 120_000;

const hostsOf = ({ roles }: Staged): Host[] =>
  roles.flatMap(({ name, pid, secret }) => (secret === null ? [] : [{ name, pid, secret }]));

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

  /** A seed's population, and who of it is the attacker's. */
  static draw(seed: number): { population: Population; from: string } {
    const random = new Random(seed);
    const population = generatePopulation(random);
    const living = population.filter(({ ends }) => ends === undefined);
    return { population, from: random.pick(living).name };
  }

  /** An actor that doesn't answer is a defect: it ends, and with it the run. */
  async run(population: Population, from: string): Promise<AttackRun> {
    const timer = setTimeout(() => void this.#actor.kill(), PATIENCE);
    try {
      return await this.#run(population, from);
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

  async #run(population: Population, from: string): Promise<AttackRun> {
    const first = await stage(this.#actor, population);
    const { snapshot } = await this.#observer.observe(first);
    const pidOf = (name: string, { roles }: Staged) => roles.find(role => role.name === name)!.pid;
    const start = pidOf(from, first);
    const spread = await this.#attacking(first, attack => attack.spread(start));

    const names = new Map(first.roles.map(({ name, pid }) => [pid, name]));
    const second = await stage(this.#actor, population);
    const again = (pid: number) => second.roles.find(({ name }) => name === names.get(pid)) as Role;
    const compared = await this.#attacking(second, attack =>
      compareWithReach(
        onlyAmong(snapshot as Snapshot, hostsOf(first), first.declared),
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
