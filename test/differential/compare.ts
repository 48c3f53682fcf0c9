// What the model says about a staged population, beside what the kernel answered.
import type { ProcessFacts } from '../../lib/kernel/process-facts.js';
import { modulesRuledOut } from '../../lib/kernel/security-modules.js';
import { checkAccess, decide } from '../../lib/policy/access-check.js';
import type { Host } from '../../lib/policy/question.js';
import type { Verdict } from '../../lib/policy/verdict.js';
import { eraseFacts, eraseHost } from './erase.js';
import type { Observation } from './observer.js';
import { type Answered, type KernelAnswer, MODES, type Mode, type Role, type Staged } from './stage.js';

/**
 * From whose facts a verdict is made:
 * - `root`: all that shows to root, and the declared tracers, which show to nobody
 * - `user`: what shows to an ordinary user
 * - `user, declared`: and the declared tracers
 * - `root, no list`: as in a container without securityfs, on a kernel before lsm_list_modules(2)
 * - `root, leaders only`: no thread is in the table, as observeHost() leaves it
 * - `root, some`: a part of it
 */
export const VIEWS = [
  'root',
  'root, no list',
  'user',
  'user, declared',
  'root, leaders only',
  'root, some',
] as const;
export type View = (typeof VIEWS)[number];

export interface Difference {
  readonly tracer: Role;
  readonly target: Role;
  readonly mode: Mode;
  readonly view: View;
  readonly kernel: KernelAnswer;
  readonly verdict: Verdict;
  readonly facts: { readonly tracer: ProcessFacts; readonly target: ProcessFacts | null };
}

interface Seen {
  readonly host: Host;
  facts(role: Role): ProcessFacts | null;
}

/** Who declared nothing has no tracer declared: the generator knows it of all that it made. */
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
  staged: Staged,
  seed: number,
): Record<View, Seen> {
  const all = seen(root, staged);
  return {
    root: all,
    'root, no list': { ...all, host: { ...all.host, lsms: null, lsmsRuledOut: modulesRuledOut() } },
    user: seen(user, null),
    'user, declared': seen(user, staged),
    'root, leaders only': seen(root, staged, false),
    'root, some': partly(all, staged, seed),
  };
}

const AGREES: Record<Verdict['verdict'], readonly KernelAnswer['is'][]> = {
  allowed: ['yes'],
  denied: ['no'],
  unknown: ['yes', 'no'],
};

/** By the view: how many verdicts were unknown. */
export type Unknown = Record<View, number>;

export interface Comparison {
  readonly differences: readonly Difference[];
  readonly comparisons: number;
  readonly unknown: Unknown;
  /** How often the root's verdicts were decided by which rule: that the populations are worth asking about. */
  readonly decidedBy: Readonly<Record<string, number>>;
}

/** Of a target that isn't there nothing is to be decided. */
const verdictOf = (tracer: ProcessFacts, target: ProcessFacts | null, host: Host, mode: Mode) =>
  target === null ? checkAccess(tracer, target, host, mode) : decide({ tracer, target, host, mode });

export function compare(answered: readonly Answered[], views: Record<View, Seen>): Comparison {
  const differences: Difference[] = [];
  const unknown = Object.fromEntries(VIEWS.map(view => [view, 0])) as Unknown;
  const decidedBy: Record<string, number> = {};
  for (const { tracer, target, answers } of answered) {
    for (const view of VIEWS) {
      const { host, facts } = views[view];
      const sides = { tracer: facts(tracer), target: facts(target) };
      for (const mode of MODES) {
        const { tracer: from, target: to } = sides;
        if (from === null) throw new Error(`${tracer.name} (${tracer.pid}) was not seen`);
        const { verdict, decidedBy: rule } = verdictOf(from, to, host, mode);
        if (verdict === 'unknown') unknown[view]++;
        if (view === 'root') {
          const decision = `${mode}: ${verdict} by ${rule}`;
          decidedBy[decision] = (decidedBy[decision] ?? 0) + 1;
        }
        const kernel = answers[mode];
        if (AGREES[verdict].includes(kernel.is)) continue;
        differences.push({
          tracer,
          target,
          mode,
          view,
          kernel,
          verdict: checkAccess(from, to, host, mode),
          facts: { tracer: from, target: to },
        });
      }
    }
  }
  return { differences, comparisons: answered.length * MODES.length, unknown, decidedBy };
}
