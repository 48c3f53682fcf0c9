// Runs a population: stages it, asks the kernel, asks the model, compares.
import { isDeepStrictEqual } from 'node:util';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { Actor } from '../scopes/actor.js';
import { type Comparison, compare, viewsOf } from './compare.js';
import { HIDINGS, type Hiding, type Observation, Observer } from './observer.js';
import { drawParanoid, PARANOID_BEFORE, setParanoid } from './paranoia.js';
import type { Population, RoleName } from './population.js';
import { askKernel } from './questions.js';
import { Random } from './random.js';
import { type Staged, stage } from './stage.js';

export const ORDINARY_USER = 1000;

/** Milliseconds; a population takes a hundred of them, in an emulated machine some thousand. */
const PATIENCE = 120_000;

export interface Run extends Comparison {
  readonly pairs: number;
  readonly staged: Staged;
  readonly isTouched: boolean;
}

/** How /proc is mounted for the view `user, hidden`. */
export const hidingOf = (seed: number): Hiding => new Random(seed, 'hiding').pick(HIDINGS);

/** The state that the questions must not change. */
function factsOf({ snapshot, threads }: Observation, { roles }: Staged): ProcessFacts[] {
  const pids = new Set(roles.map(({ pid }) => pid));
  return [...snapshot.processes, ...threads].filter(({ pid }) => pids.has(pid));
}

/** One pair. */
interface Only {
  tracer: RoleName;
  target: RoleName;
}

export class Laboratory {
  readonly #actor: Actor;
  readonly #root: Observer;
  readonly #user: Observer;
  /** Started when a population first draws it. */
  readonly #behind = new Map<Hiding, Promise<Observer>>();

  static async open(): Promise<Laboratory> {
    const [actor, root, user] = await Promise.all([
      Actor.start(),
      Observer.start(null),
      Observer.start(ORDINARY_USER),
    ]);
    return new Laboratory(actor, root, user);
  }

  private constructor(actor: Actor, root: Observer, user: Observer) {
    this.#actor = actor;
    this.#root = root;
    this.#user = user;
  }

  /**
   * `seed` decides the order of the questions, the facts that are left out, and kernel.perf_event_paranoid. An actor
   * that doesn't answer is a defect: the run ends.
   */
  async run(population: Population, seed: number, only?: Only, paranoid = drawParanoid(seed)): Promise<Run> {
    setParanoid(paranoid);
    const timer = setTimeout(() => void this.#actor.kill(), PATIENCE);
    try {
      return await this.#run(population, seed, only);
    } catch (error) {
      throw new Error(`of the population ${JSON.stringify(population)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #observerBehind(hiding: Hiding): Promise<Observer> {
    const started = this.#behind.get(hiding) ?? Observer.start(ORDINARY_USER, hiding);
    this.#behind.set(hiding, started);
    return started;
  }

  async #run(population: Population, seed: number, only?: Only): Promise<Run> {
    const staged = await stage(this.#actor, population);
    const behind = await this.#observerBehind(hidingOf(seed));
    const [root, user, hidden] = await Promise.all(
      [this.#root, this.#user, behind].map(observer => observer.observe(staged)),
    );
    const answered = await askKernel(this.#actor, staged, new Random(seed, 'questions'), only);
    const after = await this.#root.observe(staged);
    await this.#actor.end();
    const views = viewsOf(root!, user!, hidden!, staged, seed);
    return {
      ...compare(answered, views),
      pairs: answered.length,
      staged,
      isTouched: !isDeepStrictEqual(factsOf(root!, staged), factsOf(after, staged)),
    };
  }

  async close(): Promise<void> {
    setParanoid(PARANOID_BEFORE);
    this.#root.stop();
    this.#user.stop();
    for (const observer of await Promise.all(this.#behind.values())) observer.stop();
    await this.#actor.stop();
  }
}
