import { isDeepStrictEqual } from 'node:util';
import { knownDomain } from '../explain/domain.js';
import type { AccessEvent, Task, Way } from '../kernel/access-events.js';
import type { HostFacts } from '../kernel/host.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import type { PtraceScope } from '../kernel/ptrace-scope.js';
import { confinedProcesses } from '../kernel/security-modules.js';
import { INITIAL_USER_NS, UserNamespaces } from '../kernel/user-namespace.js';
import { readPtraceScope } from '../kernel/yama.js';
import { isDescendant } from '../policy/access/ancestry.js';
import type { Fact } from '../policy/access/fact.js';
import type { Host, Question } from '../policy/access/question.js';
import { RIGHTS, rightsKeyOf } from '../policy/access/rule-facts.js';
import { isDeclared } from '../policy/access/yama.js';
import { NO_SURROUNDINGS, type Surroundings } from '../policy/remedies/surroundings.js';
import { asksYama, PTRACE_MODE_ATTACH } from './access-mode.js';
import { Declarations } from './declarations.js';
import { fits, mayFit } from './filters.js';
import type {
  EventTask,
  Pair,
  ScopeVerdicts,
  Side,
  WatchEvent,
  WatchedAccess,
  WatchFilters,
} from './recording.js';
import { type DecidedAccess, scopeVerdicts } from './scope-verdicts.js';
import { ancestorsOf, processOf, type SeenTask, TaskReader, ticksNow } from './task-facts.js';
import { type Unit, unitIn } from './unit.js';

type Access = Extract<AccessEvent, { kind: 'access' }>;

type Attached = DecidedAccess['attached'];

const NOT_ATTACHED: Attached = [false, false, false, false];

/** More pairs than a host has programs. The oldest is forgotten first, and gets another number if it comes again. */
const MOST_PAIRS = 10_000;

const KEYS = RIGHTS.map(rightsKeyOf);

const keyOf = ({ program, comm, unit, facts }: Side): unknown[] => [
  program,
  comm,
  unit,
  facts.capEffective,
  facts.uids.effective,
  facts.uids.fs,
  facts.gids.fs,
  ...KEYS.map(key => key(facts)),
];

const identityOf = ({ tid, startTime }: Task): string => `${tid}:${startTime}`;

const eventTask = ({ pid, tid, startTime }: Task): EventTask => ({ pid, tid, startTime });

const timeOf = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** What is known of both sides of one access. */
interface Seen {
  host: Host;
  tracer: ProcessFacts;
  target: ProcessFacts;
  /** The tracer's, or its name. */
  program: string | null;
  sides: readonly [tracer: Side, target: Side];
  surroundings: Surroundings;
  relation: Fact;
  declared: Fact;
  isConfined: Fact | undefined;
  /** The thread that traces the target right after the event. */
  tracerTid: number | null;
}

const isAttach = (way: Way): boolean => way === 'attach' || way === 'seize' || way === 'traceme';

/** Whether ptrace_scope 1 asks for a relation between the two. */
const isUpToRelation = ({ way, mode }: Access): boolean => way !== 'traceme' && asksYama(way, mode);

const factsIn = (verdicts: ScopeVerdicts): Attached => {
  const [at0, at1, at2, at3] = verdicts.map(
    ({ verdict }): Fact => (verdict === 'unknown' ? null : verdict === 'allowed'),
  );
  return [at0 ?? null, at1 ?? null, at2 ?? null, at3 ?? null];
};

const sideOf = ({ comm, uid }: Task, { facts, program }: SeenTask, unit: Unit | null): Side => ({
  program,
  comm: facts.comm ?? comm,
  uid,
  unit: unit?.name ?? null,
  facts,
});

/** What the source tells of the moment of the decision, in place of what was read later. */
function asDecided(
  { tracerCapEffective, sharesUserNs }: Access,
  tracer: SeenTask,
  target: SeenTask,
  namespaces: UserNamespaces,
): [SeenTask, SeenTask] {
  const withFacts = (seen: SeenTask, facts: Partial<ProcessFacts>) => ({
    ...seen,
    facts: { ...seen.facts, ...facts },
  });
  const capable =
    tracerCapEffective === null || tracerCapEffective === tracer.facts.capEffective
      ? tracer
      : withFacts(tracer, { capEffective: tracerCapEffective });
  if (sharesUserNs !== true) return [capable, target];
  // If neither is seen any more, any namespace that both share gives the same answer.
  const userNs = tracer.facts.userNs ?? target.facts.userNs ?? namespaces.of(process.pid).userNs;
  return [withFacts(capable, { userNs }), withFacts(target, { userNs })];
}

/** The facts about relatives that Yama's relation needs: nothing is read where the scope doesn't ask for one. */
function relativesOf(
  event: Access,
  tracer: ProcessFacts,
  target: ProcessFacts,
): { target: ProcessFacts; processes: ProcessFacts[]; isDescendant: Fact } {
  if (event.way === 'traceme') return { target, processes: [], isDescendant: true };
  const told = event.isDescendant;
  if (!isUpToRelation(event)) return { target, processes: [], isDescendant: told };
  const processes = told === null ? ancestorsOf(target, event.tracer.pid) : [];
  const { declaredTracer: declared } = target;
  let asked = target;
  if (typeof declared === 'number') {
    const named = declared === event.tracer.pid ? { ...tracer, pid: declared } : processOf(declared);
    if (named !== null) processes.push(...ancestorsOf(tracer, named.tgid), named);
    // The declaration of a process ends with it: security/yama/yama_lsm.c, yama_task_free().
    else asked = { ...asked, declaredTracer: 'none' };
  }
  // What the kernel saw counts more than what /proc shows later.
  if (told !== null) asked = { ...asked, ppid: told ? event.tracer.pid : 0 };
  if (asked.pid !== asked.tgid && asked.tgid !== null) processes.push({ ...asked, pid: asked.tgid });
  return { target: asked, processes, isDescendant: told ?? isDescendant(asked, event.tracer.pid, processes) };
}

/** Whether a domain that this process has made keeps the tracer from the target. */
function isKnownConfined(tracer: ProcessFacts, target: ProcessFacts): Fact | undefined {
  if (confinedProcesses.size === 0) return undefined;
  const leaders = [tracer, target].flatMap(({ tgid }) => processOf(tgid ?? 0) ?? []);
  const ancestors = [tracer, target].flatMap(facts => ancestorsOf(facts, null));
  return knownDomain(tracer, target, [tracer, target, ...leaders, ...ancestors]).isConfined;
}

/** Makes recorded events of a source's events. */
export class Recorder {
  readonly #filters: WatchFilters;
  readonly #host: Omit<HostFacts, 'yama' | 'userNsParents'>;
  readonly #declarations: Declarations;
  readonly #pairs = new Map<string, Pair>();
  /** The attachments that were seen, by target, with their verdicts. */
  readonly #attachments = new Map<string, { tracer: number; verdicts: ScopeVerdicts }>();
  readonly #tasks = new TaskReader();
  #namespaces = new UserNamespaces();
  #scope: PtraceScope;

  /** @param seesDeclarations whether the source reports each PR_SET_PTRACER, from before this call on */
  constructor(host: HostFacts, filters: WatchFilters, seesDeclarations: boolean) {
    const { yama, userNsParents: _, ...rest } = host;
    this.#host = rest;
    this.#scope = yama;
    this.#filters = filters;
    this.#declarations = new Declarations(seesDeclarations ? ticksNow() : Number.POSITIVE_INFINITY);
  }

  /** Null: the event is no part of the recording. */
  take(event: AccessEvent): WatchEvent | null {
    switch (event.kind) {
      case 'declaration':
        this.#declarations.note(event.process, event.tracer);
        return null;
      case 'lost':
        return this.#lost(event);
      case 'end':
        return this.#end(event);
      case 'access':
        return event.tracer.pid === process.pid ? null : this.#access(event);
    }
  }

  #lost({ time, count }: Extract<AccessEvent, { kind: 'lost' }>): WatchEvent {
    this.#declarations.forget(ticksNow());
    this.#attachments.clear();
    const because = 'events came faster than they were read';
    return { event: 'gap', time: timeOf(time), lost: count, because };
  }

  #end({ time, tracer, target }: Extract<AccessEvent, { kind: 'end' }>): WatchEvent | null {
    const isKnown = this.#attachments.delete(identityOf(target));
    const hasFilters = Object.keys(this.#filters).some(name => name !== 'reads');
    if (hasFilters && !isKnown) return null;
    return { event: 'end', time: timeOf(time), tracer: eventTask(tracer), target: eventTask(target) };
  }

  #access(event: Access): WatchedAccess | null {
    const { time, tracer, target, way, decision, error } = event;
    if (!mayFit(this.#filters, tracer, target)) return null;
    const seen = this.#look(event);
    if (!fits(this.#filters, seen.sides)) return null;
    const pair = this.#pairOf(event, seen);
    if (isAttach(way) && decision === 'allowed' && error === null)
      this.#attachments.set(identityOf(target), { tracer: tracer.pid, verdicts: pair.scopes });
    return {
      event: 'access',
      time: timeOf(time),
      pair,
      outcome: decision === 'refused' ? 'refused' : error === null ? 'allowed' : 'failed',
      error,
      tracer: eventTask(tracer),
      target: eventTask(target),
    };
  }

  /** If it has changed since it was last read, the decision may have been made at either. */
  #scopeNow(): PtraceScope {
    const before = this.#scope;
    if (before.state === 'absent') return before;
    this.#scope = readPtraceScope();
    return isDeepStrictEqual(before, this.#scope)
      ? before
      : { state: 'unknown', cause: 'ptrace_scope changed at about this time' };
  }

  /** The number of a namespace may become that of another one, except that of the initial one. */
  #namespacesNow(): UserNamespaces {
    if (Object.keys(this.#namespaces.seen).some(id => id !== INITIAL_USER_NS))
      this.#namespaces = new UserNamespaces();
    return this.#namespaces;
  }

  #look(event: Access): Seen {
    const namespaces = this.#namespacesNow();
    const [tracer, target] = asDecided(
      event,
      this.#tasks.seen(event.tracer, namespaces),
      this.#tasks.seen(event.target, namespaces),
      namespaces,
    );
    const relatives = relativesOf(event, tracer.facts, {
      ...target.facts,
      declaredTracer: this.#declarations.of(event.target, event.tracer),
    });
    const unit = unitIn(tracer.cgroups ?? '');
    const host: Host = {
      ...this.#host,
      yama: this.#scopeNow(),
      userNsParents: namespaces.seen,
      processes: relatives.processes,
    };
    const question: Question = { tracer: tracer.facts, target: relatives.target, host, mode: 'attach' };
    const side = sideOf(event.tracer, tracer, unit);
    return {
      ...question,
      program: side.program ?? side.comm,
      sides: [side, sideOf(event.target, target, unitIn(target.cgroups ?? ''))],
      surroundings: unit?.surroundings ?? NO_SURROUNDINGS,
      relation: relatives.isDescendant,
      declared: isUpToRelation(event) ? isDeclared(question) : null,
      isConfined: event.decision === 'refused' ? isKnownConfined(tracer.facts, target.facts) : undefined,
      tracerTid: target.tracerTid,
    };
  }

  /** Whether the tracer would be attached already. An attachment that was seen has its verdicts; another is judged now. */
  #attachedTo(event: Access, seen: Seen): Attached {
    const { way, mode, tracer, target } = event;
    if (isAttach(way) || !asksYama(way, mode)) return NOT_ATTACHED;
    const known = this.#attachments.get(identityOf(target));
    if (known?.tracer === tracer.pid) return factsIn(known.verdicts);
    const { tracerTid } = seen;
    const isItsOwn = tracerTid === tracer.tid || (tracerTid && processOf(tracerTid)?.tgid === tracer.pid);
    if (!isItsOwn) return NOT_ATTACHED;
    const asParent = seen.target.ppid === tracer.pid;
    return factsIn(
      scopeVerdicts({
        ...seen,
        way: asParent ? 'traceme' : 'attach',
        mode: PTRACE_MODE_ATTACH,
        decision: 'allowed',
        attached: NOT_ATTACHED,
      }),
    );
  }

  #pairOf(event: Access, seen: Seen): Pair {
    const { way, mode, decision } = event;
    const { host, relation, declared, isConfined, sides } = seen;
    const [tracer, target] = sides;
    const attached = this.#attachedTo(event, seen);
    const scope = host.yama.state === 'present' ? host.yama.value : null;
    const key = JSON.stringify([
      ...[way, mode, decision, host.yama.state, scope, relation, declared, isConfined, attached],
      ...keyOf(tracer),
      ...keyOf(target),
    ]);
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = {
        ...{ way, mode, scope, decision, tracer, target, declared },
        relation: relation === null ? 'unknown' : relation ? 'descendant' : 'other',
        scopes: scopeVerdicts({ ...seen, way, mode, decision, attached }),
      };
    } else this.#pairs.delete(key);
    this.#pairs.set(key, pair);
    if (this.#pairs.size > MOST_PAIRS) this.#pairs.delete(this.#pairs.keys().next().value ?? '');
    return pair;
  }
}
