import { capabilityNames } from '../../kernel/capabilities.js';
import type { PtraceScope } from '../../kernel/ptrace-scope.js';
import { scopeOf } from '../../kernel/ptrace-scope.js';
import type { HostIndex, ProcessClass, ProcessNode } from '../../policy/reach/process-classes.js';
import { Bounds } from '../../policy/reach/reach.js';
import { type PageData, snapshotOf } from '../formats/page-data.js';
import { layOut, type Picture } from '../formats/picture.js';
import { count, programNames, shownName, userName } from '../graph/names.js';
import { type ClassState, effectiveScope, type Scope } from '../graph/states.js';
import { type Bound, targetsOf, tracersOf } from '../graph/tracers.js';

export type Selection = { kind: 'process'; node: ProcessNode } | { kind: 'class'; cls: ProcessClass } | null;

/** The part that the picture shows: the host (null), a user, or the processes of a class. */
export type Focus = { kind: 'user'; uid: number | null } | { kind: 'class'; cls: ProcessClass } | null;

export interface Answer {
  tracers: Map<ProcessClass, Bound>;
  targets: Map<ProcessClass, 'certain' | 'possible'>;
  /** The reach of a chosen process; null if a class is chosen. */
  bounds: Bounds | null;
}

const sizes = new WeakMap<ProcessClass, { comm: string | null; count: number }[]>();

/** The programs of a class, the most frequent first. */
export function programsOf(cls: ProcessClass): { comm: string | null; count: number }[] {
  let found = sizes.get(cls);
  if (found === undefined) {
    const counts = new Map<string | null, number>();
    for (const { facts } of cls.members) counts.set(facts.comm, (counts.get(facts.comm) ?? 0) + 1);
    found = [...counts].map(([comm, times]) => ({ comm, count: times })).sort((a, b) => b.count - a.count);
    sizes.set(cls, found);
  }
  return found;
}

export const nameOf = (node: ProcessNode): string => `${node.pid} ${shownName(node.facts.comm)}`;

export const classTitle = (cls: ProcessClass): string => {
  const [only] = cls.members;
  if (cls.members.length === 1 && only !== undefined) return nameOf(only);
  return `${count(cls.members.length)} × ${programNames(programsOf(cls))}`;
};

export const classLabel = (cls: ProcessClass): string =>
  `${classTitle(cls)}, ${userName(cls.facts.uids.real)}`;

export function capabilitiesText(mask: string | null): string {
  if (mask === null) return 'not seen';
  const names = capabilityNames(BigInt(`0x${mask}`));
  if (names.length === 0) return 'none';
  return names.length <= 4 ? names.join(', ') : `${names.length}, such as ${names.slice(0, 3).join(', ')}`;
}

/** The data of the page, and the present selection. */
export class Model {
  readonly data: PageData;
  readonly index: HostIndex;
  readonly picture: Picture;
  readonly ptraceCapable: ReadonlySet<ProcessClass>;
  scope: Scope;
  selection: Selection = null;
  focus: Focus = null;
  #answer: { key: string; answer: Answer } | null = null;

  constructor(data: PageData) {
    this.data = data;
    this.index = snapshotOf(data).index;
    this.scope = effectiveScope(data.map.scope);
    const ids = new Set(data.ptraceCapable);
    this.ptraceCapable = new Set(this.index.classes.filter(({ id }) => ids.has(id)));
    this.picture = layOut(
      this.index.classes.map(({ id, members, facts }) => ({
        id,
        size: members.length,
        uid: facts.uids.real,
      })),
    );
  }

  get yama(): PtraceScope {
    return scopeOf(this.scope);
  }

  stateOf(cls: ProcessClass): ClassState {
    return this.data.states[cls.id]?.[this.scope] ?? 'closed';
  }

  node(pid: number): ProcessNode | undefined {
    const found = this.index.nodes.get(pid);
    return found?.class === null ? undefined : found;
  }

  /** The answer for the selection at the chosen scope. */
  answer(): Answer | null {
    const { selection } = this;
    if (selection === null) return null;
    const chosen = selection.kind === 'process' ? selection.node.pid : `class ${selection.cls.id}`;
    const key = `${chosen} ${this.scope}`;
    if (this.#answer?.key === key) return this.#answer.answer;
    const answer =
      selection.kind === 'process' ? this.#ofProcess(selection.node) : this.#ofClass(selection.cls);
    this.#answer = { key, answer };
    return answer;
  }

  /**
   * Computes one answer in advance, which fills the tables that later answers share. A ptrace-capable process has the
   * widest reach.
   */
  prepare(): void {
    const [cls] = this.ptraceCapable.size > 0 ? this.ptraceCapable : this.index.classes;
    const node = cls?.members[0];
    if (node !== undefined) this.#ofProcess(node);
  }

  #ofProcess(node: ProcessNode): Answer {
    return {
      tracers: tracersOf(this.index, node, this.yama),
      targets: targetsOf(this.index, [node], this.yama),
      bounds: new Bounds(this.index, node.pid, this.yama),
    };
  }

  /** The tracers of a class: for each other class, the bound of the member that most of its processes may trace. */
  #ofClass(cls: ProcessClass): Answer {
    const tracers = new Map<ProcessClass, Bound>();
    for (const node of this.scope === 1 ? cls.members : cls.members.slice(0, 1)) {
      for (const [from, bound] of tracersOf(this.index, node, this.yama)) {
        const known = tracers.get(from);
        if (known === undefined || isMore(bound, known)) tracers.set(from, bound);
      }
    }
    return { tracers, targets: targetsOf(this.index, cls.members, this.yama), bounds: null };
  }
}

const isMore = (a: Bound, b: Bound) =>
  a.certain !== b.certain ? a.certain > b.certain : a.possible > b.possible;
