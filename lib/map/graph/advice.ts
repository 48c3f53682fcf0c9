import type { PtraceScope, PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import type { Reach } from '../../policy/reach/reach.js';
import { addCounts, noCounts } from './counts.js';
import type { Advice, ByScope } from './map-types.js';
import { shownName } from './names.js';
import type { Program } from './programs.js';

/** The most changes that are advised. */
const MOST = 3;

interface Plan {
  /** The ptrace_scope after the changes so far. */
  scope: keyof ByScope;
  closed: Set<string>;
}

/** All programs of one name, which opt out together. `comm` is null if the name isn't seen. */
type Named = Pick<Program, 'comm' | 'incoming' | 'removedByOptOut'>;

function byName(programs: readonly Program[]): Named[] {
  const named = new Map<string | null, Named>();
  for (const { comm, incoming, removedByOptOut } of programs) {
    const sums = named.get(comm) ?? { comm, incoming: noCounts(), removedByOptOut: noCounts() };
    named.set(comm, sums);
    addCounts(sums.incoming, incoming);
    addCounts(sums.removedByOptOut, removedByOptOut);
  }
  return [...named.values()];
}

const isClosed = ({ comm }: Named, { closed }: Plan) => comm !== null && closed.has(comm);

/** The number of certain edges that a plan leaves. */
function left(programs: readonly Named[], plan: Plan): number {
  const { scope } = plan;
  const of = (program: Named) =>
    program.incoming.certain[scope] - (isClosed(program, plan) ? program.removedByOptOut.certain[scope] : 0);
  return programs.reduce((sum, program) => sum + of(program), 0);
}

const SCOPE_COSTS: Record<1 | 2 | 3, string> = {
  1: 'a debugger attaches to its own children alone, or to a process that declares it (PR_SET_PTRACER), or as root',
  2: 'a debugger needs CAP_SYS_PTRACE, also to start a program under it',
  3: 'nobody attaches until the next boot, root included',
};

function scopeAdvice(to: 1 | 2, isAbsent: boolean): Omit<Advice, 'cuts'> {
  return {
    what: isAbsent
      ? `boot with Yama (lsm=…,yama) and ptrace_scope ${to}`
      : `set kernel.yama.ptrace_scope to ${to}`,
    command: isAbsent ? null : `tracegate remediate --scope ${to}`,
    costs: SCOPE_COSTS[to],
  };
}

/** True if a name is safe in a shell command. A process chooses its own name, and users paste the command. */
const isWord = (name: string) => /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name);

const isNodeName = (name: string) => name === 'node' || name === 'MainThread';

function closingAdvice(name: string): Omit<Advice, 'cuts'> {
  const isNode = isNodeName(name);
  const itself = isWord(name) ? `tracegate run --deny -- ${name}` : null;
  return {
    what: `have ${shownName(name)} opt out of being traced${isNode ? ': denyTracing(), or node --import tracegate/deny' : ''}`,
    command: isNode ? 'node --import tracegate/deny app.js' : itself,
    costs:
      'no debugger, core dump or profiler of its own uid for it; desktop portals and some sandboxes refuse it',
  };
}

/**
 * The confinement of the process that a reach is for, which cuts processes from the reach. Null: it cuts none for certain, or
 * the reach doesn't have it.
 */
export function confiningAdvice({ certain, confined }: Reach, comm: string | null): Advice | null {
  if (confined === null) return null;
  const left = new Set([...confined.certain, ...confined.possible].map(({ pid }) => pid));
  const cuts = certain.filter(({ pid }) => !left.has(pid)).length;
  if (cuts === 0) return null;
  const name = comm ?? '';
  const command = isWord(name) ? `tracegate run --confine -- ${name}` : null;
  return {
    what: `start ${shownName(comm)} confined: in a Landlock domain, which all that it starts shares`,
    command: isNodeName(name) ? 'node --import tracegate/confine app.js' : command,
    cuts,
    costs:
      'it and all that it starts can debug and profile only each other, and from Linux 6.12 on signal only each other; sudo and other set-id programs give no rights there',
  };
}

/** The next stricter scope. Scope 3 is never advised, since it can't be undone before the next boot. */
function stricter(scope: keyof ByScope): 1 | 2 | null {
  return scope === 0 ? 1 : scope === 1 ? 2 : null;
}

const scopeNow = (yama: PtraceScope): PtraceScopeValue => (yama.state === 'present' ? yama.value : 0);

/**
 * Finds the changes that remove most certain edges. A change is a stricter scope, or a program that opts out of being traced.
 * Each change is chosen for the host after the changes before it.
 */
export function adviceFor(all: readonly Program[], yama: PtraceScope): Advice[] {
  const plan: Plan = { scope: scopeNow(yama), closed: new Set() };
  const programs = byName(all);
  const closable = programs.filter(
    ({ comm, removedByOptOut }) => comm !== null && removedByOptOut.certain[plan.scope] > 0,
  );
  const advice: Advice[] = [];
  while (advice.length < MOST) {
    const now = left(programs, plan);
    const next = stricter(plan.scope);
    const byScope = next === null ? 0 : now - left(programs, { ...plan, scope: next });
    const best = bestToClose(closable, plan);
    const byClosing = best?.removedByOptOut.certain[plan.scope] ?? 0;
    if (Math.max(byScope, byClosing) <= 0) break;
    if (next !== null && byScope >= byClosing) {
      advice.push({ ...scopeAdvice(next, yama.state === 'absent'), cuts: byScope });
      plan.scope = next;
    } else if (best !== null && best.comm !== null) {
      advice.push({ ...closingAdvice(best.comm), cuts: byClosing });
      plan.closed.add(best.comm);
    }
  }
  return advice;
}

/** The program whose opting out removes most edges; the first of several. */
function bestToClose(closable: readonly Named[], plan: Plan): Named | null {
  const cuts = ({ removedByOptOut }: Named) => removedByOptOut.certain[plan.scope];
  const open = closable.filter(one => !isClosed(one, plan));
  return open.reduce<Named | null>(
    (best, one) => (best === null || cuts(one) > cuts(best) ? one : best),
    null,
  );
}
