import type { ProcessNode } from '../../policy/reach/process-classes.js';
import { count, counted, shownName, userName } from '../graph/names.js';
import { bdi, byId, el, extend } from './dom.js';
import type { Model } from './model.js';

/** Finds processes by pid, by `uid:N` or `uid N`, or by a part of the name. Exact matches are first. */
export function found(nodes: readonly ProcessNode[], asked: string): ProcessNode[] {
  const text = asked.trim().toLowerCase();
  if (text === '') return [];
  const uid = /^uid[ :=]*(\d+)$/.exec(text)?.[1] ?? (text === 'root' ? '0' : undefined);
  const rank = ({ pid, facts }: ProcessNode): number => {
    if (`${pid}` === text) return 0;
    const comm = facts.comm?.toLowerCase() ?? '';
    if (uid !== undefined && facts.uids.real === Number(uid)) return 1;
    if (comm === text) return 1;
    if (/^\d+$/.test(text) && `${facts.uids.real}` === text) return 2;
    if (comm.startsWith(text)) return 2;
    if (comm.includes(text) || shownName(facts.comm).toLowerCase().includes(text)) return 3;
    return `${pid}`.startsWith(text) ? 4 : 9;
  };
  return nodes
    .map(node => ({ node, at: rank(node) }))
    .filter(({ at }) => at < 9)
    .sort((a, b) => a.at - b.at || a.node.pid - b.node.pid)
    .map(({ node }) => node);
}

export class Search {
  readonly #nodes: readonly ProcessNode[];
  readonly #input = byId('search', HTMLInputElement);
  readonly #results = byId('results', HTMLElement);
  readonly #summary = byId('results-summary', HTMLElement);
  readonly #choose: (node: ProcessNode) => void;

  constructor({ index }: Model, choose: (node: ProcessNode) => void) {
    this.#nodes = [...index.nodes.values()].filter(node => node.class !== null);
    this.#choose = choose;
    this.#input.addEventListener('input', () => this.#search());
    byId('search-form', HTMLFormElement).addEventListener('submit', event => {
      event.preventDefault();
      const [first] = found(this.#nodes, this.#input.value);
      if (first !== undefined) choose(first);
    });
    this.#input.addEventListener('keydown', event => {
      if (event.key === 'ArrowDown') this.#move(event, null, 1);
    });
    this.#results.addEventListener('keydown', event => {
      if (event.key === 'ArrowDown') this.#move(event, document.activeElement, 1);
      else if (event.key === 'ArrowUp') this.#move(event, document.activeElement, -1);
      else if (event.key === 'Escape') this.#input.focus();
    });
  }

  #move(event: Event, from: Element | null, by: 1 | -1): void {
    const buttons = [...this.#results.querySelectorAll('button')];
    const at = (from instanceof HTMLButtonElement ? buttons.indexOf(from) : -1) + by;
    event.preventDefault();
    if (at < 0) this.#input.focus();
    else buttons[Math.min(at, buttons.length - 1)]?.focus();
  }

  #search(): void {
    const nodes = found(this.#nodes, this.#input.value);
    const isAsked = this.#input.value.trim() !== '';
    this.#summary.textContent = isAsked
      ? `${counted(nodes.length, 'process', 'processes')} of ${count(this.#nodes.length)} found.`
      : '';
    const list = el('ul', { class: 'results' });
    const show = (node: ProcessNode) =>
      el(
        'li',
        {},
        el(
          'button',
          { type: 'button', click: () => this.#choose(node) },
          el('span', { class: 'pid' }, `${node.pid}`),
          ' ',
          bdi(shownName(node.facts.comm)),
          ' ',
          el('span', { class: 'faint' }, userName(node.facts.uids.real)),
        ),
      );
    const items = { items: nodes, show, step: 5, noun: 'results' };
    this.#results.replaceChildren(...extend(list, items).filter(child => child !== null));
  }
}
