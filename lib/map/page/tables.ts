import type { ProcessClass } from '../../policy/reach/process-classes.js';
import { count, programNames, shownName, userName } from '../graph/names.js';
import { SCOPES, type Scope } from '../graph/states.js';
import { bdi, byId, el, extend } from './dom.js';
import { capabilitiesText, type Model, programsOf, type Selection } from './model.js';
import { dumpableText, SCOPE_MEANS, SCOPE_NAMES, STATES } from './words.js';

type Cell = globalThis.Node | string;

interface Column {
  name: string;
  isNumber?: boolean;
}

interface TableOf<Item> {
  caption: string;
  columns: Column[];
  items: readonly Item[];
  /** The cells of a row; the first cell is the row's header. */
  row: (item: Item) => Cell[];
  none: string;
  isNow?: (item: Item) => boolean;
}

function table<Item>(id: string, { caption, columns, items, row, none, isNow }: TableOf<Item>): void {
  const body = el('tbody');
  const show = (item: Item) =>
    el(
      'tr',
      isNow?.(item) ? { class: 'now' } : {},
      ...row(item).map((cell, at) =>
        at === 0
          ? el('th', { scope: 'row' }, cell)
          : el('td', columns[at]?.isNumber ? { class: 'number' } : {}, cell),
      ),
    );
  const head = columns.map(({ name, isNumber }) =>
    el('th', isNumber ? { scope: 'col', class: 'number' } : { scope: 'col' }, name),
  );
  const [, more] = extend(body, { items, show, step: 10, noun: 'rows' });
  const whole = el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, ...head)), body);
  const root = byId(id, HTMLElement);
  if (items.length === 0) root.replaceChildren(el('h3', {}, caption), el('p', { class: 'faint' }, none));
  else {
    const scroller = el(
      'div',
      { class: 'scroller', tabindex: 0, role: 'group', 'aria-label': caption },
      whole,
    );
    root.replaceChildren(scroller, more ?? '');
  }
}

/** Tables with the facts of the picture and the findings of the map, for users who can't use the picture. */
export class Tables {
  readonly #model: Model;
  readonly #select: (selection: Selection) => void;

  constructor(model: Model, select: (selection: Selection) => void) {
    this.#model = model;
    this.#select = select;
    this.#drawOnce();
  }

  #process(pid: number, comm: string | null): Cell {
    const node = this.#model.node(pid);
    const name = bdi(shownName(comm));
    if (node === undefined) return el('span', {}, `${pid} `, name);
    const click = () => this.#select({ kind: 'process', node });
    return el('button', { type: 'button', class: 'link', click }, `${pid} `, name);
  }

  /** Draws the tables that depend on the chosen scope. */
  draw(): void {
    const { scope, data, ptraceCapable } = this.#model;
    const { map } = data;
    const own = map.scope === 'absent' || map.scope === 'unknown' ? 0 : map.scope;
    table('edges', {
      caption: 'Edges by ptrace_scope',
      columns: [
        { name: 'ptrace_scope' },
        { name: 'certain', isNumber: true },
        { name: 'possible in addition', isNumber: true },
        { name: 'lost', isNumber: true },
        { name: 'who may trace' },
      ],
      items: SCOPES,
      row: each => [
        `${each} ${SCOPE_NAMES[each]}`,
        count(map.edgesByScope[each]),
        count(map.possibleEdgesByScope[each]),
        each === own ? 'as it is now' : count(map.edgesByScope[own] - map.edgesByScope[each]),
        SCOPE_MEANS[each],
      ],
      none: '',
      isNow: each => each === scope,
    });
    const exposed = [...map.exposed].sort(
      (a, b) =>
        b.tracers.certain[scope] - a.tracers.certain[scope] ||
        b.tracers.possible[scope] - a.tracers.possible[scope],
    );
    table('exposed', {
      caption: `Most exposed at ptrace_scope ${scope}`,
      columns: [
        { name: 'process' },
        { name: 'how many alike', isNumber: true },
        { name: 'certain tracers', isNumber: true },
        { name: 'possible', isNumber: true },
        { name: 'keeps secrets' },
      ],
      items: exposed,
      row: ({ pid, comm, count: many, tracers, keepsSecrets }) => [
        this.#process(pid, comm),
        count(many),
        count(tracers.certain[scope]),
        count(tracers.possible[scope]),
        keepsSecrets ? 'yes' : '',
      ],
      none: 'Only a holder of CAP_SYS_PTRACE may trace another process.',
    });
    const refused = scope === 0 ? [] : map.refusedTracers[scope];
    table('refused', {
      caption: `Tracers at work that ptrace_scope ${scope} would refuse`,
      columns: [{ name: 'tracer' }, { name: 'traces' }, { name: 'refused' }],
      items: refused,
      row: ({ pid, comm, target, reattach }) => [
        this.#process(pid, comm),
        this.#process(target.pid, target.comm),
        reattach === 'unknown' ? 'perhaps' : 'certainly',
      ],
      none: 'None.',
    });
    table('classes', {
      caption: `Classes of processes at ptrace_scope ${scope}`,
      columns: [
        { name: 'programs' },
        { name: 'processes', isNumber: true },
        { name: 'user' },
        { name: 'state' },
        { name: 'dumpable' },
        { name: 'capabilities' },
      ],
      items: this.#classes,
      row: cls => [
        this.#classButton(cls),
        count(cls.members.length),
        userName(cls.facts.uids.real),
        STATES[this.#model.stateOf(cls)].name,
        dumpableText(cls.facts.dumpable),
        ptraceCapable.has(cls) && cls.facts.capPermitted === null
          ? 'all'
          : capabilitiesText(cls.facts.capPermitted),
      ],
      none: 'There is no process.',
    });
  }

  get #classes(): ProcessClass[] {
    return [...this.#model.index.classes].sort((a, b) => b.members.length - a.members.length || a.id - b.id);
  }

  #classButton(cls: ProcessClass): HTMLElement {
    const click = () => this.#select({ kind: 'class', cls });
    return el('button', { type: 'button', class: 'link', click }, bdi(programNames(programsOf(cls))));
  }

  #drawOnce(): void {
    const { map } = this.#model.data;
    const own: Scope = map.scope === 'absent' || map.scope === 'unknown' ? 0 : map.scope;
    table('dangerous', {
      caption: `Most dangerous at the host’s ptrace_scope (${own})`,
      columns: [
        { name: 'process' },
        { name: 'how many alike', isNumber: true },
        { name: 'reaches for certain', isNumber: true },
        { name: 'possibly more', isNumber: true },
        { name: 'for certain, if started by tracegate run --confine', isNumber: true },
        { name: 'possibly more', isNumber: true },
      ],
      items: map.dangerous,
      row: ({ pid, comm, count: many, reaches, confined }) => [
        this.#process(pid, comm),
        count(many),
        count(reaches.certain),
        count(reaches.possible),
        confined === null ? 'no Landlock' : count(confined.certain),
        confined === null ? '' : count(confined.possible),
      ],
      none: 'Only ptrace-capable processes may trace another process.',
    });
    table('advice', {
      caption: 'Advice, in order of effect',
      columns: [
        { name: 'what' },
        { name: 'edges cut', isNumber: true },
        { name: 'command' },
        { name: 'costs' },
      ],
      items: map.advice,
      row: ({ what, command, cuts, costs }) => [
        bdi(shownName(what)),
        count(cuts),
        command === null ? '' : el('code', {}, bdi(shownName(command))),
        costs,
      ],
      none: 'Nothing to cut.',
    });
    table('inspectors', {
      caption: 'Node inspectors that are armed: no ptrace_scope closes them',
      columns: [{ name: 'process' }, { name: 'opened by' }],
      items: map.inspectors,
      row: ({ pid, comm, by }) => [this.#process(pid, comm), by],
      none: 'None is seen.',
    });
  }
}
