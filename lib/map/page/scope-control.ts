import { count } from '../graph/names.js';
import { effectiveScope, SCOPES, type Scope } from '../graph/states.js';
import { byId, el, svg } from './dom.js';
import type { Model } from './model.js';
import { SCOPE_MEANS, SCOPE_NAMES } from './words.js';

/** Says how many edges a scope removes or adds, compared with the host's own scope. */
export function sentence({ data: { map } }: Model, scope: Scope): string {
  const now = effectiveScope(map.scope);
  const edges = map.edgesByScope;
  const more = map.possibleEdgesByScope[scope];
  const perhaps = more === 0 ? '' : ` Up to ${count(more)} more, where a fact isn’t seen.`;
  if (scope > now) {
    return `At ${scope} this host loses ${count(edges[now] - edges[scope])} of ${count(edges[now])} edges.${perhaps}`;
  }
  if (scope < now) {
    return `At ${scope} this host gains ${count(edges[scope] - edges[now])} edges: ${count(edges[scope])} in place of ${count(edges[now])}.${perhaps}`;
  }
  return `At ${scope}, as it is now, this host has ${count(edges[scope])} edges.${perhaps}`;
}

export function scopeNote({ data: { map } }: Model): string {
  if (map.scope === 'absent') return 'This host has no Yama: as it is now, it is as at 0.';
  if (map.scope === 'unknown')
    return 'What this host’s ptrace_scope is isn’t known: 0, the worst, is taken for it.';
  return `This host’s own ptrace_scope is ${map.scope} (${SCOPE_NAMES[map.scope]}).`;
}

/** The range input for ptrace_scope, the meaning of each value, and the number of edges at each value. */
export class ScopeControl {
  readonly #model: Model;
  readonly #range = byId('scope', HTMLInputElement);
  readonly #headline = byId('headline', HTMLElement);
  readonly #means = byId('scope-means', HTMLElement);
  readonly #bars = byId('scope-bars', HTMLElement);

  constructor(model: Model, choose: (scope: Scope) => void) {
    this.#model = model;
    byId('scope-note', HTMLElement).textContent = scopeNote(model);
    this.#range.addEventListener('input', () => {
      const scope = SCOPES[this.#range.valueAsNumber];
      if (scope !== undefined) choose(scope);
    });
  }

  draw(): void {
    const { scope } = this.#model;
    this.#range.value = `${scope}`;
    this.#range.setAttribute('aria-valuetext', `${scope}, ${SCOPE_NAMES[scope]}: ${SCOPE_MEANS[scope]}`);
    this.#headline.textContent = sentence(this.#model, scope);
    this.#means.textContent = SCOPE_MEANS[scope];
    this.#bars.replaceChildren(...SCOPES.map(each => this.#bar(each)));
  }

  #bar(scope: Scope): HTMLElement {
    const { edgesByScope, possibleEdgesByScope } = this.#model.data.map;
    const most = Math.max(1, ...SCOPES.map(each => edgesByScope[each] + possibleEdgesByScope[each]));
    const width = (value: number) => (value === 0 ? 0 : Math.max(1, (100 * value) / most));
    const certain = width(edgesByScope[scope]);
    const possible = width(possibleEdgesByScope[scope]);
    const bar = svg(
      'svg',
      { viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('rect', { width: 100, height: 8, class: 'bar-ground' }),
      svg('rect', { width: certain, height: 8, class: 'bar-certain' }),
      svg('rect', { x: certain, y: 2.5, width: possible, height: 3, class: 'bar-possible' }),
    );
    return el(
      'li',
      scope === this.#model.scope ? { class: 'now' } : {},
      el('span', { class: 'scope-name' }, el('b', {}, `${scope}`), ` ${SCOPE_NAMES[scope]}`),
      bar,
      el('span', {}, el('b', { class: 'figure' }, count(edgesByScope[scope])), ' certain'),
      el(
        'span',
        { class: 'faint' },
        el('b', { class: 'figure' }, count(possibleEdgesByScope[scope])),
        ' possible',
      ),
    );
  }
}
