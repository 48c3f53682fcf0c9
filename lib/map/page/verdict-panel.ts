import type { ProcessClass, ProcessNode } from '../../policy/reach/process-classes.js';
import { count, counted, programNames, shownName, userName } from '../graph/names.js';
import type { Bound } from '../graph/tracers.js';
import { bdi, byId, el, extend } from './dom.js';
import {
  type Answer,
  capabilitiesText,
  classTitle,
  type Focus,
  type Model,
  nameOf,
  programsOf,
  type Selection,
} from './model.js';
import { PathPanel } from './path-panel.js';
import { dumpableText, STATES } from './words.js';

export interface PanelEvents {
  select(selection: Selection): void;
  focusOn(focus: Focus): void;
}

const total = (bounds: Iterable<Bound>): Bound => {
  const sum = { certain: 0, possible: 0 };
  for (const { certain, possible } of bounds) {
    sum.certain += certain;
    sum.possible += possible;
  }
  return sum;
};

/** Formats both bounds as words. */
export const boundText = ({ certain, possible }: Bound): string =>
  `${counted(certain, 'process', 'processes')} for certain, ${count(possible)} more possibly`;

const classesOf = (nodes: ReadonlySet<ProcessNode>): Map<ProcessClass, number> => {
  const counts = new Map<ProcessClass, number>();
  for (const { class: cls } of nodes) if (cls !== null) counts.set(cls, (counts.get(cls) ?? 0) + 1);
  return counts;
};

/** The panel on the selection: its facts, its possible tracers, and its reach. */
export class VerdictPanel {
  readonly #model: Model;
  readonly #events: PanelEvents;
  readonly #root = byId('verdict', HTMLElement);
  readonly #path: PathPanel;

  constructor(model: Model, events: PanelEvents) {
    this.#model = model;
    this.#events = events;
    this.#path = new PathPanel(model, node => this.#link(node));
  }

  /** A summary of the panel in one sentence, for screen readers. */
  summary(): string {
    const { selection, scope } = this.#model;
    const answer = this.#model.answer();
    if (selection === null || answer === null) return '';
    const who = selection.kind === 'process' ? nameOf(selection.node) : classTitle(selection.cls);
    const traced = `${who}, at ptrace_scope ${scope}: may be traced by ${boundText(total(answer.tracers.values()))}`;
    const { bounds } = answer;
    if (bounds === null) return `${traced}.`;
    return `${traced}; reaches ${boundText({ certain: bounds.certain.size, possible: bounds.possible.size })}.`;
  }

  draw(): void {
    const { selection } = this.#model;
    const answer = this.#model.answer();
    if (selection === null || answer === null) {
      this.#path.forget();
      this.#root.replaceChildren(
        el(
          'p',
          { class: 'faint' },
          'Choose a circle of the picture, a row of a table or a result of the search. This panel then shows its tracers, and the processes that a compromise of it reaches.',
        ),
      );
      return;
    }
    if (selection.kind === 'process') this.#drawProcess(selection.node, answer);
    else this.#drawClass(selection.cls, answer);
  }

  #facts(cls: ProcessClass, more: [string, globalThis.Node | string][]): HTMLElement {
    const { uids, gids, dumpable, capPermitted, userNs, userNsRuledOut, lsmLabel } = cls.facts;
    const state = this.#model.stateOf(cls);
    const ids = ({ real, effective, saved }: typeof uids) =>
      real === effective && real === saved
        ? `${real ?? 'not seen'}`
        : `${real ?? '?'} real, ${effective ?? '?'} effective, ${saved ?? '?'} saved`;
    const rows: [string, globalThis.Node | string][] = [
      ...more,
      ['state', el('span', { class: `state ${state}` }, `${STATES[state].name}: ${STATES[state].means}`)],
      ['uid', ids(uids)],
      ['gid', ids(gids)],
      ['dumpable', dumpableText(dumpable)],
      ['capabilities', capabilitiesText(capPermitted)],
      [
        'user namespace',
        userNs ?? (userNsRuledOut === null ? 'not seen' : `not seen, and not ${userNsRuledOut.id}`),
      ],
      ['label', lsmLabel === null ? 'not seen' : lsmLabel === '' ? 'none' : bdi(shownName(lsmLabel))],
    ];
    return el(
      'dl',
      { class: 'facts' },
      ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
    );
  }

  #drawProcess(node: ProcessNode, answer: Answer): void {
    const cls = node.class;
    const { bounds } = answer;
    if (cls === null || bounds === null) return;
    const { parent } = node;
    const mates = cls.members.length;
    this.#root.replaceChildren(
      el('h3', { tabindex: -1 }, `${node.pid} `, bdi(shownName(node.facts.comm))),
      this.#facts(cls, [
        ['parent', parent === null ? 'none that is seen' : this.#link(parent)],
        ...(node.facts.tracerTgid === 0
          ? []
          : ([['traced by', this.#tracer(node)]] as [string, globalThis.Node | string][])),
        [
          'class',
          mates === 1 ? 'its own' : this.#classButton(cls, `${counted(mates, 'process', 'processes')} alike`),
        ],
      ]),
      ...this.#tracedBy(answer.tracers),
      el('h4', {}, 'What a compromise of it reaches'),
      ...this.#bound({ certain: bounds.certain.size, possible: bounds.possible.size }),
      this.#reached(bounds.certain, bounds.possible),
      ...this.#path.draw(node, bounds),
    );
  }

  #tracer({ facts: { tracerTgid } }: ProcessNode): globalThis.Node | string {
    if (tracerTgid === null) return 'not seen';
    const tracer = this.#model.node(tracerTgid);
    return tracer === undefined ? `${tracerTgid}` : this.#link(tracer);
  }

  #drawClass(cls: ProcessClass, answer: Answer): void {
    const list = el('ul', { class: 'plain' });
    const members = {
      items: cls.members,
      show: (node: ProcessNode) => el('li', {}, this.#link(node)),
      step: 12,
      noun: 'processes',
    };
    const targets = [...answer.targets].map(([one, sure]): [ProcessClass, string] => [one, sure]);
    const sure = targets.filter(([, how]) => how === 'certain').length;
    this.#root.replaceChildren(
      el('h3', { tabindex: -1 }, bdi(classTitle(cls))),
      el(
        'p',
        {},
        `${counted(cls.members.length, 'process', 'processes')} that the tracing rules can’t tell apart.`,
      ),
      this.#facts(cls, [['programs', bdi(programNames(programsOf(cls), 6))]]),
      el(
        'p',
        {},
        el(
          'button',
          { type: 'button', click: () => this.#events.focusOn({ kind: 'class', cls }) },
          'Show its processes in the picture',
        ),
      ),
      ...this.#tracedBy(answer.tracers),
      el('h4', {}, 'What it may trace at once'),
      el(
        'p',
        {},
        `${counted(sure, 'class', 'classes')} for certain, ${count(targets.length - sure)} more possibly. Choose a process to see what it reaches step by step.`,
      ),
      ...extend(el('ul', { class: 'plain' }), {
        items: targets,
        show: ([one, how]) =>
          el(
            'li',
            {},
            this.#classButton(one, classTitle(one)),
            ' ',
            el('span', { class: 'faint' }, `${userName(one.facts.uids.real)}, ${how}`),
          ),
        step: 6,
        noun: 'classes',
      }).filter(child => child !== null),
      el('h4', {}, 'Its processes'),
      ...extend(list, members).filter(child => child !== null),
    );
  }

  #bound({ certain, possible }: Bound): HTMLElement[] {
    return [
      el(
        'p',
        { class: 'bound' },
        el('span', { class: 'certain' }, el('b', {}, count(certain)), ' certain'),
        el('span', { class: 'possible' }, el('b', {}, count(possible)), ' more possible'),
      ),
    ];
  }

  #tracedBy(
    tracers: ReadonlyMap<ProcessClass, Bound>,
  ): (HTMLElement | Exclude<ReturnType<typeof extend>[number], null>)[] {
    const sum = total(tracers.values());
    const items = [...tracers].sort(([, a], [, b]) => b.certain - a.certain || b.possible - a.possible);
    return [
      el('h4', {}, `Who may trace it at ptrace_scope ${this.#model.scope}`),
      ...this.#bound(sum),
      ...(items.length === 0
        ? []
        : [el('p', { class: 'faint' }, `of ${counted(items.length, 'class', 'classes')}:`)]),
      ...extend(el('ul', { class: 'plain' }), {
        items,
        show: ([from, bound]) =>
          el(
            'li',
            {},
            this.#classButton(from, classTitle(from)),
            ' ',
            el(
              'span',
              { class: 'faint' },
              `${userName(from.facts.uids.real)}${this.#model.ptraceCapable.has(from) ? ', ptrace-capable' : ''}: ${[bound.certain > 0 ? `${count(bound.certain)} certain` : '', bound.possible > 0 ? `${count(bound.possible)} possible` : ''].filter(text => text !== '').join(', ')}`,
            ),
          ),
        step: 6,
        noun: 'classes',
      }).filter(child => child !== null),
    ];
  }

  #reached(certain: ReadonlySet<ProcessNode>, possible: ReadonlySet<ProcessNode>): HTMLElement {
    const rows = [
      ...[...classesOf(certain)].map(([cls, many]) => ({ cls, many, how: 'certain' })),
      ...[...classesOf(possible)].map(([cls, many]) => ({ cls, many, how: 'possible' })),
    ].sort((a, b) => a.how.localeCompare(b.how) || b.many - a.many);
    const parts = extend(el('ul', { class: 'plain' }), {
      items: rows,
      show: ({ cls, many, how }) =>
        el(
          'li',
          {},
          this.#classButton(cls, classTitle(cls)),
          ' ',
          el('span', { class: 'faint' }, `${userName(cls.facts.uids.real)}: ${count(many)} ${how}`),
        ),
      step: 6,
      noun: 'classes',
    });
    return el('div', {}, ...(rows.length === 0 ? [] : parts));
  }

  #link(node: ProcessNode): HTMLElement {
    return el(
      'button',
      { type: 'button', class: 'link', click: () => this.#events.select({ kind: 'process', node }) },
      `${node.pid} `,
      bdi(shownName(node.facts.comm)),
    );
  }

  #classButton(cls: ProcessClass, text: string): HTMLElement {
    const [only] = cls.members;
    const selection: Selection =
      cls.members.length === 1 && only !== undefined
        ? { kind: 'process', node: only }
        : { kind: 'class', cls };
    return el(
      'button',
      { type: 'button', class: 'link', click: () => this.#events.select(selection) },
      bdi(text),
    );
  }
}
