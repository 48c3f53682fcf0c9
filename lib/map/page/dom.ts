import { count } from '../graph/names.js';

type Child = globalThis.Node | string | null;
type Listener = (event: Event) => void;

const SVG = 'http://www.w3.org/2000/svg';

/** Creates an HTML element. Strings become text nodes, never markup. */
export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number | boolean | Listener> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, '');
    else if (value !== false) made.setAttribute(key, `${value}`);
  }
  made.append(...children.filter(child => child !== null));
  return made;
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Record<string, string | number> = {},
  ...children: Child[]
): SVGElementTagNameMap[Name] {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  made.append(...children.filter(child => child !== null));
  return made;
}

/** Isolates the writing direction of a name that a process chose. */
export const bdi = (text: string): HTMLElement => el('bdi', {}, text);

export function byId<Kind extends Element>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

export interface Listing<Item> {
  items: readonly Item[];
  show: (item: Item) => globalThis.Node;
  /** The number of items at first, and the number that each press adds. */
  step: number;
  /** The noun for the items, for the button. */
  noun: string;
}

/** Fills a list with its first items. A button adds more items and moves the focus to the first of them. */
export function extend<Item>(list: HTMLElement, { items, show, step, noun }: Listing<Item>): Child[] {
  list.replaceChildren();
  const more = el('button', { type: 'button', class: 'more' });
  let shown = 0;
  const next = () => {
    const added = items.slice(shown, shown + step).map(show);
    const [first] = added;
    list.append(...added);
    const isLater = shown > 0;
    shown += added.length;
    const left = items.length - shown;
    const [some, all] = [step, left].map(count);
    more.textContent = left > step ? `Show ${some} more of ${all} ${noun}` : `Show ${all} more`;
    more.hidden = left === 0;
    if (isLater && first instanceof HTMLElement) (first.querySelector('button') ?? more).focus();
  };
  more.addEventListener('click', next);
  next();
  return [list, more];
}
