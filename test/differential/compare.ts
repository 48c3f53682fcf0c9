// Compares the model's verdicts on a staged population with the kernel's answers.
import type { Answer } from '../../lib/kernel/probe-outcome.js';
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { unseenProcess } from '../../lib/kernel/read-process-facts.js';
import { modulesRuledOut } from '../../lib/kernel/security-modules.js';
import { checkAccess, decide } from '../../lib/policy/access/access-check.js';
import type { Host } from '../../lib/policy/access/question.js';
import type { Verdict } from '../../lib/policy/access/verdict.js';
import { isBeyondDomain } from './confinement.js';
import { eraseFacts, eraseHost } from './erase.js';
import type { Observation } from './observer.js';
import { type Answered, isProbeRight, type KernelAnswer, MODES, type Mode, PROBED } from './questions.js';
import type { Role, Staged } from './stage.js';

/**
 * The facts that a verdict is made from:
 * - `root`: all facts that root sees, and the declared tracers, which no process sees
 * - `user`: the facts that an ordinary user sees
 * - `user, declared`: and the declared tracers
 * - `root, domains`: and the Landlock domains, which no process sees
 * - `root, no list`: as in a container without securityfs, on a kernel before lsm_list_modules(2)
 * - `user, hidden`: the facts that this user sees in a /proc that hides most processes (hidepid, subset=pid)
 * - `root, leaders only`: no thread is in the table, as observe() leaves it
 * - `root, some`: a part of it
 */
export const VIEWS = [
  'root',
  'root, domains',
  'root, no list',
  'user',
  'user, declared',
  'user, hidden',
  'root, leaders only',
  'root, some',
] as const;
export type View = (typeof VIEWS)[number];

interface Asked {
  readonly tracer: Role;
  readonly target: Role;
  readonly mode: Mode;
  readonly kernel: KernelAnswer;
}

/** Of the model. */
export interface WrongVerdict extends Asked {
  readonly view: View | 'processes';
  readonly verdict: Verdict;
  readonly facts: { readonly tracer: ProcessFacts; readonly target: ProcessFacts | null };
}

/** Of the product's own question to the kernel, in the tracer. */
export interface WrongProbe extends Asked {
  readonly view: 'probe';
  readonly probe: Answer;
}

export type Difference = WrongVerdict | WrongProbe;

/** Keeps the questions apart, because no outside process can see a part of the answer: the tracer. */
export const TRACERS = ['plain', 'filtered', 'perhaps sandboxed'] as const;
export type TracerKind = (typeof TRACERS)[number];

interface Seen {
  readonly host: Host;
  facts(role: Role): ProcessFacts | null;
}

/** A process without a declaration has no declared tracer. The generator knows that for every process that it made. */
function withDeclared(facts: ProcessFacts, staged: Staged): ProcessFacts {
  const isOurs = staged.roles.some(({ pid, secret }) => pid === facts.pid && secret !== null);
  return isOurs ? { ...facts, declaredTracer: staged.declared.get(facts.pid) ?? 'none' } : facts;
}

function seen({ snapshot, threads }: Observation, staged: Staged | null, hasThreads = true): Seen {
  const tell = (facts: ProcessFacts) => (staged ? withDeclared(facts, staged) : facts);
  const processes = snapshot.processes.map(tell);
  const all = [...processes, ...threads.map(tell)];
  const byPid = new Map(all.map(facts => [facts.pid, facts]));
  return {
    host: { ...snapshot.host, processes: hasThreads ? all : processes },
    facts: ({ pid }) => byPid.get(pid) ?? null,
  };
}

function partly({ host, facts }: Seen, { roles }: Staged, seed: number): Seen {
  const names = new Map(roles.map(({ pid, name }) => [pid, name]));
  return {
    host: eraseHost(seed, host, pid => names.get(pid) ?? 'outside'),
    facts: role => {
      const whole = facts(role);
      return whole && eraseFacts(seed, whole, role.name);
    },
  };
}

export function viewsOf(
  root: Observation,
  user: Observation,
  hidden: Observation,
  staged: Staged,
  seed: number,
): Record<View, Seen> {
  const all = seen(root, staged);
  return {
    root: all,
    'root, domains': all,
    'root, no list': { ...all, host: { ...all.host, lsms: null, lsmsRuledOut: modulesRuledOut() } },
    user: seen(user, null),
    'user, declared': seen(user, staged),
    'user, hidden': seen(hidden, null),
    'root, leaders only': seen(root, staged, false),
    'root, some': partly(all, staged, seed),
  };
}

const AGREES: Record<Verdict['verdict'], readonly KernelAnswer['is'][]> = {
  allowed: ['yes'],
  denied: ['no'],
  unknown: ['yes', 'no'],
};

/** A domain without any sign: an allowed verdict lists Landlock in `undetectable`. */
function isRefusedUnseen(
  { tracer, target }: Answered,
  kernel: KernelAnswer,
  { verdict, undetectable }: Verdict,
): boolean {
  return (
    verdict === 'allowed' &&
    kernel.is === 'no' &&
    undetectable.includes('landlock') &&
    isBeyondDomain(tracer.confinement, target.confinement)
  );
}

function tracerKind({ seccomp, noNewPrivs }: ProcessFacts, { lsms }: Host): TracerKind {
  if (seccomp !== 'none') return 'filtered';
  return noNewPrivs !== false && lsms?.includes('landlock') !== false ? 'perhaps sandboxed' : 'plain';
}

type Counts = Readonly<Record<TracerKind, number>>;

export const noCounts = (): Record<TracerKind, number> => ({ plain: 0, filtered: 0, 'perhaps sandboxed': 0 });

/** By the view: how many verdicts were unknown. */
export type Unknown = Record<View, Record<TracerKind, number>>;

export const noUnknown = () => Object.fromEntries(VIEWS.map(view => [view, noCounts()])) as Unknown;

/** The modes in which a thread may stand for its process: the memory that is read is the same. */
const OF_PROCESSES = ['vm-read', 'read', 'kcmp'] as const satisfies readonly Mode[];

/**
 * About whole processes, with the facts of their threads that root reads in /proc. An allowed access is allowed between
 * some pair of threads, and a denied one between none. If the first thread of a process has ended, only the other
 * threads are asked about.
 */
function* compareProcesses(answered: readonly Answered[], { host, facts }: Seen): Generator<WrongVerdict> {
  const pairs = new Map<string, Answered[]>();
  for (const pair of answered) {
    const key = `${facts(pair.tracer)?.tgid} ${facts(pair.target)?.tgid}`;
    pairs.set(key, [...(pairs.get(key) ?? []), pair]);
  }
  for (const threads of pairs.values()) {
    const first = threads.find(({ tracer, target }) => !tracer.isThread && !target.isThread);
    if (first === undefined || threads.length === 1) continue;
    const [tracer, target] = [facts(first.tracer), facts(first.target)];
    if (
      tracer === null ||
      target === null ||
      tracer.tgid === target.tgid ||
      [tracer, target].some(({ kind }) => kind !== 'user')
    )
      continue;
    for (const mode of OF_PROCESSES) {
      const answers = threads.map(({ answers }) => answers[mode]);
      // A filter, or a domain that doesn't show, is compared thread by thread.
      if (answers.some(({ is, byFilter }) => is === 'none' || byFilter)) continue;
      const verdict = checkAccess(tracer, target, host, mode);
      const yes = answers.find(({ is }) => is === 'yes');
      const isWrong =
        verdict.verdict === 'allowed'
          ? yes === undefined &&
            !threads.some(pair => isBeyondDomain(pair.tracer.confinement, pair.target.confinement))
          : verdict.verdict === 'denied' && yes !== undefined;
      const [kernel] = yes === undefined ? answers : [yes];
      if (isWrong && kernel !== undefined)
        yield {
          tracer: first.tracer,
          target: first.target,
          mode,
          view: 'processes',
          kernel,
          verdict,
          facts: { tracer, target },
        };
    }
  }
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** In each view, by the tracer that root sees. */
  readonly comparisons: Counts;
  readonly unknown: Unknown;
  /** How often a Landlock domain refused that no fact shows, and the verdict named it. */
  readonly refusedUnseen: number;
  /** How often the root's verdicts were decided by which rule: that the populations are worth asking about. */
  readonly decidedBy: Readonly<Record<string, number>>;
}

/** Of a target that isn't there nothing is to be decided. */
const verdictOf = (
  tracer: ProcessFacts,
  target: ProcessFacts | null,
  host: Host,
  mode: Mode,
  isConfined: boolean | undefined,
) =>
  target === null
    ? checkAccess(tracer, target, host, mode)
    : decide({ tracer, target, host, mode, ...(isConfined !== undefined && { isConfined }) });

/** Without the other threads of its process, each of which is asked about by itself. */
const alone = <Facts extends ProcessFacts | null>(facts: Facts): Facts =>
  facts && { ...facts, threadRights: [], tracedThreads: [] };

export function compare(answered: readonly Answered[], views: Record<View, Seen>): Comparison {
  const differences: Difference[] = [];
  const [comparisons, unknown] = [noCounts(), noUnknown()];
  const decidedBy: Record<string, number> = {};
  let refusedUnseen = 0;
  for (const pair of answered) {
    const { tracer, target, answers, probed } = pair;
    const seen = views.root.facts(tracer);
    if (seen === null) throw new Error(`${tracer.name} (${tracer.pid}) was not seen`);
    const kind = tracerKind(seen, views.root.host);
    const modes = MODES.filter(mode => answers[mode].is !== 'none');
    comparisons[kind] += modes.length;
    for (const mode of PROBED) {
      const [probe, kernel] = [probed[mode], answers[mode]];
      if (!isProbeRight(mode, probe, kernel))
        differences.push({ tracer, target, mode, kernel, view: 'probe', probe });
    }
    for (const view of VIEWS) {
      const { host, facts } = views[view];
      const sides = { tracer: facts(tracer) ?? unseenProcess(tracer.pid), target: facts(target) };
      const isConfined =
        view === 'root, domains' ? isBeyondDomain(tracer.confinement, target.confinement) : undefined;
      for (const mode of modes) {
        const { verdict, decidedBy: rule } = verdictOf(sides.tracer, sides.target, host, mode, isConfined);
        if (verdict === 'unknown') unknown[view][kind]++;
        if (view === 'root') {
          const decision = `${mode}: ${verdict} by ${rule}`;
          decidedBy[decision] = (decidedBy[decision] ?? 0) + 1;
        }
        const kernel = answers[mode];
        if (AGREES[verdict].includes(kernel.is)) continue;
        const [one, other] = [alone(sides.tracer), alone(sides.target)];
        const whole = checkAccess(one, other, host, mode, undefined, isConfined);
        if (isConfined === undefined && isRefusedUnseen(pair, kernel, whole))
          refusedUnseen += Number(view === 'root');
        else differences.push({ tracer, target, mode, view, kernel, verdict: whole, facts: sides });
      }
    }
  }
  differences.push(...compareProcesses(answered, views.root));
  return { differences, comparisons, unknown, refusedUnseen, decidedBy };
}
