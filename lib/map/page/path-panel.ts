import type { ProcessNode } from '../../policy/reach/process-classes.js';
import type { Bounds, ReachStep } from '../../policy/reach/reach.js';
import { userName } from '../graph/names.js';
import { bdi, el } from './dom.js';
import { type Model, nameOf } from './model.js';
import { stepWords } from './words.js';

/** The most targets in the select element. */
const MOST_TARGETS = 200;

/** The path from the chosen process to a target, step by step. */
export class PathPanel {
  readonly #model: Model;
  readonly #link: (node: ProcessNode) => HTMLElement;
  /** The chosen target, which stays chosen when the scope changes. */
  #target: ProcessNode | null = null;

  constructor(model: Model, link: (node: ProcessNode) => HTMLElement) {
    this.#model = model;
    this.#link = link;
  }

  forget(): void {
    this.#target = null;
  }

  draw(from: ProcessNode, bounds: Bounds): HTMLElement[] {
    if (bounds.certain.size + bounds.possible.size === 0) return [];
    const isReached = (node: ProcessNode) => bounds.certain.has(node) || bounds.possible.has(node);
    const targets = this.#targets(bounds.certain, bounds.possible);
    const kept = this.#target !== null && this.#target !== from ? this.#target : null;
    const chosen = kept ?? targets[0] ?? null;
    if (chosen !== null && !targets.includes(chosen)) targets.unshift(chosen);
    const select = el('select', { id: 'path-target' });
    const option = (target: ProcessNode) => {
      const isSure = bounds.certain.has(target);
      const how = isSure ? 'certain' : bounds.possible.has(target) ? 'possible' : 'not reached';
      const text = `${nameOf(target)}, ${userName(target.facts.uids.real)} (${how})`;
      return el('option', { value: target.pid }, text);
    };
    select.append(...targets.map(option));
    const pid = el('input', {
      id: 'path-pid',
      type: 'text',
      inputmode: 'numeric',
      size: 8,
      autocomplete: 'off',
    });
    const steps = el('div', { id: 'path', role: 'status' });
    const show = (target: ProcessNode | null) => {
      this.#target = target;
      if (target === null) return;
      if (!targets.includes(target)) {
        targets.push(target);
        select.append(option(target));
      }
      select.value = `${target.pid}`;
      steps.replaceChildren(
        ...(isReached(target)
          ? [this.#steps(from, bounds.pathTo(target), bounds.certain)]
          : [
              el(
                'p',
                {},
                'Not reached from ',
                bdi(nameOf(from)),
                ` at ptrace_scope ${this.#model.scope}: `,
                bdi(nameOf(target)),
                '.',
              ),
            ]),
      );
    };
    select.addEventListener('change', () => show(this.#model.node(Number(select.value)) ?? null));
    pid.addEventListener('change', () => {
      const node = this.#model.node(Number(pid.value));
      if (node !== undefined) show(node);
      else steps.replaceChildren(el('p', {}, 'There is no process with that pid that could be traced.'));
    });
    show(chosen);
    return [
      el('h4', {}, 'Path'),
      el('p', { class: 'fields' }, el('label', { for: 'path-target' }, 'Path to'), ' ', select),
      el('p', { class: 'fields' }, el('label', { for: 'path-pid' }, 'or to the pid'), ' ', pid),
      steps,
      ...(targets.length >= MOST_TARGETS
        ? [el('p', { class: 'faint' }, `The list names one process of each of ${MOST_TARGETS} classes.`)]
        : []),
    ];
  }

  /** One process for each class, name and bound. Ptrace-capable processes and processes of root are first. */
  #targets(certain: ReadonlySet<ProcessNode>, possible: ReadonlySet<ProcessNode>): ProcessNode[] {
    const first = (nodes: ReadonlySet<ProcessNode>) => {
      const seen = new Map<string, ProcessNode>();
      for (const node of nodes) {
        const key = `${node.class?.id} ${node.facts.comm}`;
        if (!seen.has(key)) seen.set(key, node);
      }
      return [...seen.values()];
    };
    const rank = ({ class: cls }: ProcessNode) =>
      cls === null ? 3 : this.#model.ptraceCapable.has(cls) ? 0 : cls.facts.uids.real === 0 ? 1 : 2;
    const order = (nodes: ProcessNode[]) => nodes.sort((a, b) => rank(a) - rank(b) || a.pid - b.pid);
    return [...order(first(certain)), ...order(first(possible))].slice(0, MOST_TARGETS);
  }

  /** The steps of a path. A step to a process that is surely reached is itself certain. */
  #steps(from: ProcessNode, path: readonly ReachStep[], certain: ReadonlySet<ProcessNode>): HTMLElement {
    const list = el('ol', { class: 'path' });
    let before = from;
    for (const step of path) {
      const node = this.#model.node(step.pid);
      if (node === undefined) continue;
      const { rule, as, undetermined } = stepWords(step);
      const isSure = certain.has(node);
      list.append(
        el(
          'li',
          { class: isSure ? 'certain' : 'possible' },
          el(
            'div',
            { class: 'hop' },
            bdi(nameOf(before)),
            ' traces ',
            this.#link(node),
            isSure ? '' : ' (possibly)',
          ),
          el('div', {}, rule),
          el('div', { class: 'faint' }, as),
          undetermined === null ? null : el('div', { class: 'unseen' }, undetermined),
        ),
      );
      before = node;
    }
    return list;
  }
}
