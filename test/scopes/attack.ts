// An attacker who has one process and goes on by tracing. Each step is made by the process that was reached last, with
// the rights that the kernel gives it. So a reached process is really reachable; one that isn't reached was out of
// reach for this attacker.
import type { SnapshotFacts } from '../../lib/kernel/host.js';
import type { Actor } from './actor.js';
import { type Agent, type Answer, Orchestrator } from './agent.js';
import { statusOf, textOf, type Way, waysOf } from './attack-ways.js';

/** A process or a thread of the tests, and the word in its memory. */
export interface Host {
  readonly name: string;
  readonly pid: number;
  readonly secret: string;
}

/** An agent in each reached process and thread, which otherwise stays unchanged. */
interface Foothold {
  readonly agent: Agent;
  /** By the way: another agent there, which went it. */
  readonly changed: Map<string, Agent>;
}

export interface Infection {
  /** The process that the thread belongs to. */
  readonly process: number;
  /** Null: the first. */
  readonly by: number | null;
  readonly way: string;
}

export interface SpreadOptions {
  /** Whether a process also reaches its present tracees, which the kernel allows without a check. */
  readonly tracees?: boolean;
}

export interface Spread {
  /** By the pid of each process or thread that runs the agent. */
  readonly infected: ReadonlyMap<number, Infection>;
  /** Processes that are traced already: only their memory could be written. */
  readonly written: ReadonlyMap<number, Infection>;
  /** How often the kernel was asked. */
  readonly asked: number;
}

export interface Followed {
  /** How far it came: the last process had. */
  readonly at: number;
  /** `0`, or why not further. */
  readonly answer: string;
  /** The word of the last process, read by code in it, or if that is traced already, by the process before. */
  readonly secret: string | null;
  /** A process is traced already, so the processes behind it can't be tried. */
  readonly isBlocked: boolean;
}

const word = (value: bigint) => BigInt.asUintN(64, value).toString(16).padStart(16, '0');

export class Attack {
  readonly #actor: Actor;
  readonly #orchestrator: Orchestrator;
  readonly #hosts: ReadonlyMap<number, Host>;
  readonly #secretAddress: bigint;
  readonly #footholds = new Map<number, Foothold>();
  #asked = 0;

  /** On these and no others: the agent enters no process that isn't the actor's (test/native/agent/image.h). */
  static async on(actor: Actor, hosts: readonly Host[]): Promise<Attack> {
    const [address] = await actor.must('conductor secret-address');
    return new Attack(actor, await Orchestrator.open(), hosts, BigInt(address!));
  }

  private constructor(
    actor: Actor,
    orchestrator: Orchestrator,
    hosts: readonly Host[],
    secretAddress: bigint,
  ) {
    this.#actor = actor;
    this.#orchestrator = orchestrator;
    this.#hosts = new Map(hosts.map(host => [host.pid, host]));
    this.#secretAddress = secretAddress;
  }

  /** The process that is the attacker's from the beginning. */
  async begin(from: number): Promise<void> {
    if (this.#footholds.has(from)) return;
    const path = Buffer.alloc(8 * Math.ceil((this.#orchestrator.path.length + 1) / 8));
    path.write(this.#orchestrator.path);
    const letters = Array.from({ length: path.length / 8 }, (_, at) => path.readBigUInt64LE(8 * at));
    const expected = this.#orchestrator.expect();
    await this.#actor.must(
      `${this.#hosts.get(from)!.name} host-agent ${expected.token} ${letters.join(' ')}`,
    );
    this.#footholds.set(from, { agent: await this.#orchestrator.arrival(expected), changed: new Map() });
  }

  /** The agent that went this way; null if the kernel refused it. */
  async #changed({ agent, changed }: Foothold, way: Way): Promise<Agent | null> {
    if (way.as === 'itself') return agent;
    const name = textOf(way);
    const before = changed.get(name);
    if (before !== undefined) return before;
    const expected = this.#orchestrator.expect();
    const { answer } = await agent.ask('split', expected.token);
    if (answer !== '0') throw new Error(`no other agent in ${agent.pid}: ${answer}`);
    const other = await this.#orchestrator.arrival(expected);
    const taken = way.as === 'ids' ? await other.ask('take-ids', way.uid, way.gid) : await other.ask('raise');
    if (taken.answer !== '0') {
      await other.leave();
      return null;
    }
    changed.set(name, other);
    return other;
  }

  /** Tries them all at once. Returns the infected ones. */
  async #infect(agent: Agent, targets: readonly number[]): Promise<Map<number, Answer>> {
    this.#asked += targets.length;
    const tries = targets.map(target => {
      const expected = this.#orchestrator.expect();
      return { target, expected, answer: agent.ask('infect', target, expected.token) };
    });
    const answers = new Map<number, Answer>();
    for (const { target, expected, answer } of tries) {
      const is = await answer;
      answers.set(target, is);
      if (is.answer === '0') await this.#settle(target, expected);
    }
    return answers;
  }

  async #settle(target: number, expected: ReturnType<Orchestrator['expect']>): Promise<void> {
    const agent = await this.#orchestrator.arrival(expected);
    if (!this.#footholds.has(target)) this.#footholds.set(target, { agent, changed: new Map() });
  }

  /** By a thread of its own process: what that thread traces, or the thread itself. */
  async #hijack(agent: Agent, sibling: number, target: number): Promise<boolean> {
    this.#asked++;
    const expected = this.#orchestrator.expect();
    const { answer } = await agent.ask('hijack', sibling, target === sibling ? 0 : target, expected.token);
    if (answer !== '0') return false;
    await this.#settle(target, expected);
    return true;
  }

  /** What needs no check, because it is the process' own. */
  async #reachWithin(at: number, targets: readonly number[], tracees = true): Promise<number[]> {
    const { agent } = this.#footholds.get(at)!;
    const found: number[] = [];
    const own = statusOf(at).process;
    for (const target of targets) {
      const { process, tracer } = statusOf(target);
      // A tracee stops at a signal, until its tracer lets it go on.
      const isSibling = process === own && tracer === 0;
      const sibling = isSibling ? target : tracees ? this.#hijackable(tracer, own) : null;
      if (sibling !== null && (await this.#hijack(agent, sibling, target))) found.push(target);
    }
    return found;
  }

  #hijackable(tracer: number, own: number): number | null {
    if (tracer === 0 || !this.#hosts.has(tracer)) return null;
    const status = statusOf(tracer);
    return status.process === own && status.tracer === 0 ? tracer : null;
  }

  /**
   * Spreads from the first process as far as possible: each reached process tries each other one, in every way, until
   * none is new.
   */
  async spread(from: number, { tracees = true }: SpreadOptions = {}): Promise<Spread> {
    await this.begin(from);
    const infected = new Map<number, Infection>([
      [from, { process: statusOf(from).process, by: null, way: 'the first' }],
    ]);
    const written = new Map<number, Infection>();
    const queue = [from];
    const statuses = [...this.#hosts.keys()].map(statusOf);
    const note = (at: number, way: string, targets: readonly number[]) => {
      for (const target of targets) {
        infected.set(target, { process: statusOf(target).process, by: at, way });
        queue.push(target);
      }
    };
    for (let turn = 0; turn < queue.length; turn++) {
      const at = queue[turn]!;
      const left = () => [...this.#hosts.keys()].filter(pid => !infected.has(pid));
      note(at, 'its own', await this.#reachWithin(at, left(), tracees));
      for (const way of waysOf(at, statuses)) {
        if (left().length === 0) break;
        const agent = await this.#changed(this.#footholds.get(at)!, way);
        if (agent === null) continue;
        const answers = await this.#infect(agent, left());
        note(
          at,
          textOf(way),
          left().filter(pid => answers.get(pid)?.answer === '0'),
        );
        for (const target of left()) {
          if (written.has(target) || statusOf(target).tracer === 0) continue;
          const { answer } = await agent.ask('write-other', target, this.#secretAddress);
          const { process } = statusOf(target);
          if (answer === '0') written.set(target, { process, by: at, way: textOf(way) });
        }
      }
    }
    return { infected, written, asked: this.#asked };
  }

  /** From the first process to the last of the path, by no others. */
  async follow(from: number, path: readonly number[]): Promise<Followed> {
    await this.begin(from);
    let at = from;
    const stays = (answer: string, secret: string | null = null, isBlocked = false): Followed => ({
      at,
      answer,
      secret,
      isBlocked,
    });
    for (const [place, target] of path.entries()) {
      if (!this.#footholds.has(target)) {
        const isLast = place === path.length - 1;
        const { answer, value } = await this.#step(at, target);
        if (answer === 'written') return isLast ? stays('0', word(value), true) : stays(answer, null, true);
        if (answer !== '0') return stays(`${target}: ${answer}`);
      }
      at = target;
    }
    const { answer, value } = await this.#footholds.get(at)!.agent.ask('read', this.#secretAddress);
    return stays(answer, word(value));
  }

  /** One step in the first way that the kernel lets it. */
  async #step(at: number, target: number): Promise<Answer> {
    const foothold = this.#footholds.get(at)!;
    if ((await this.#reachWithin(at, [target])).length > 0) return { answer: '0', value: 0n };
    const answers: string[] = [];
    for (const way of waysOf(at, [statusOf(target)])) {
      const agent = await this.#changed(foothold, way);
      if (agent === null) continue;
      const answer = (await this.#infect(agent, [target])).get(target)!;
      if (answer.answer === '0') return answer;
      if (statusOf(target).tracer !== 0) {
        const write = await agent.ask('write-other', target, this.#secretAddress);
        if (write.answer === '0') return { answer: 'written', value: write.value };
      }
      answers.push(`${textOf(way)}: ${answer.answer}`);
    }
    return { answer: answers.join(', '), value: 0n };
  }

  /** Leaves every process as it was, for ordinary commands and the end. */
  async end(): Promise<void> {
    this.#footholds.clear();
    await this.#orchestrator.close();
  }
}

/** What lib/policy/reach/reach.ts answers, as far as it is compared. */
export interface Bounds {
  readonly certain: readonly { readonly pid: number; readonly path: readonly { readonly pid: number }[] }[];
  readonly possible: readonly { readonly pid: number }[];
}

/**
 * The snapshot with these processes unchanged. All others are there for their descendants alone, and are no targets.
 */
export function onlyAmong(
  { host, processes }: SnapshotFacts,
  hosts: readonly Host[],
  declared: ReadonlyMap<number, number | 'any' | 'none'>,
): SnapshotFacts {
  const isOurs = new Set(hosts.map(({ pid }) => pid));
  return {
    host,
    processes: processes.map(facts =>
      isOurs.has(facts.pid)
        ? { ...facts, declaredTracer: declared.get(facts.pid) ?? 'none' }
        : { ...facts, kind: 'kernel-thread' },
    ),
  };
}

export interface ReachDifference {
  /**
   * Not reached although certain; reached although not even possible; or reached by another path than the given one.
   */
  readonly is: 'certain, not had' | 'had, not possible' | 'not by this path';
  readonly pid: number;
  readonly because: string;
}

export interface ReachComparison {
  readonly differences: readonly ReachDifference[];
  readonly certain: number;
  readonly possible: number;
  readonly had: number;
  /** Of the certain ones those behind a process that is traced already, where this attacker doesn't run. */
  readonly untried: number;
}

/**
 * Two bounds, and the processes that were really reached. `follow`: Attack.follow() on the same population before the
 * spread, with the word of the last process.
 */
export async function compareWithReach(
  snapshot: SnapshotFacts,
  from: number,
  { infected, written }: Spread,
  reach: (snapshot: SnapshotFacts, from: number) => Bounds,
  follow: (path: readonly number[]) => Promise<Followed & { readonly wanted: string }>,
): Promise<ReachComparison> {
  const { certain, possible } = reach(snapshot, from);
  const byProcess = new Map([...written, ...infected].map(([tid, cls]) => [cls.process, { tid, ...cls }]));
  const bound = new Set([from, ...certain.map(({ pid }) => pid), ...possible.map(({ pid }) => pid)]);
  const differences: ReachDifference[] = [];
  for (const [pid, { tid, by, way }] of byProcess) {
    if (!bound.has(pid)) {
      differences.push({ is: 'had, not possible', pid, because: `${tid} was had by ${by} as ${way}` });
    }
  }
  const isRunning = new Set([...infected.values()].map(({ process }) => process));
  let untried = 0;
  for (const { pid, path } of certain) {
    const way = path.map(step => step.pid);
    const told = `by ${[from, ...way].join(' > ')}`;
    const isBehind = way.slice(0, -1).some(step => byProcess.has(step) && !isRunning.has(step));
    if (!byProcess.has(pid) && !isBehind) differences.push({ is: 'certain, not had', pid, because: told });
    const { at, answer, secret, wanted, isBlocked } = await follow(way);
    if (answer === 'written' && isBlocked) untried++;
    else if (answer !== '0' || secret !== wanted) {
      const because = `${told}: from ${at} ${answer}, read ${secret} for ${wanted}`;
      differences.push({ is: 'not by this path', pid, because });
    }
  }
  return { differences, certain: certain.length, possible: possible.length, had: byProcess.size, untried };
}
