import { packSiblings } from 'd3-hierarchy';
import type { ProcessClass, ProcessNode } from '../../policy/reach/process-classes.js';
import { type Circle, fitted } from '../formats/picture.js';
import { count, counted, programNames, shownName, userName } from '../graph/names.js';
import { byId, svg } from './dom.js';
import { classLabel, type Focus, type Model, nameOf, programsOf, type Selection } from './model.js';
import { Arrows, type Projection } from './picture-arrows.js';
import { definitions, Room, ring, towards, userLabel } from './picture-shapes.js';
import { STATES } from './words.js';

/** A circle on the screen, in pixels. */
type Spot = Circle & { cls: ProcessClass; node?: ProcessNode };

/** The most processes of a class that are drawn; a note gives the number of the others. */
const MOST_PROCESSES = 3000;
/** Pixels; a circle with a smaller radius is too small for a click and for a pattern. */
const SMALL = 7;

export interface PictureEvents {
  select(selection: Selection): void;
  focusOn(focus: Focus): void;
}

type Mark = 'none' | 'reached' | 'perhaps';

/** The picture. Each change of the visible part draws it again. Only one circle is in the tab order. */
export class PictureView {
  readonly #model: Model;
  readonly #events: PictureEvents;
  readonly #root = byId('picture', SVGSVGElement);
  readonly #note = byId('picture-note', HTMLElement);
  readonly #trail = byId('trail', HTMLElement);
  #spots: Spot[] = [];
  #elements: SVGElement[] = [];
  #active = 0;
  readonly #over = byId('picture-over', SVGSVGElement);
  #drawn: { width?: number; height?: number; focus?: Focus; scope?: number } = {};
  #projection: Projection = { place: circle => circle, isSeen: () => false };
  #labels = svg('g');
  readonly #texts = new Map<Spot, SVGElement[]>();
  /** The focus ring, above all other shapes. */
  #ring = svg('circle');
  /** The number of processes of the open class that aren't drawn. */
  #left = 0;

  constructor(model: Model, events: PictureEvents) {
    this.#model = model;
    this.#events = events;
    this.#root.addEventListener('click', event => this.#click(event));
    this.#root.addEventListener('keydown', event => this.#key(event));
    let width = 0;
    new ResizeObserver(() => {
      if (this.#root.clientWidth !== width) this.draw();
      width = this.#root.clientWidth;
    }).observe(this.#root);
  }

  #viewed(): Circle {
    const { picture, focus } = this.#model;
    const all = { x: 0, y: 0, r: picture.radius };
    if (focus === null) return all;
    if (focus.kind === 'class') return picture.classes.get(focus.cls.id) ?? all;
    return picture.users.find(({ uid }) => uid === focus.uid) ?? all;
  }

  /** Draws the picture, and the selection above it. If only the selection has changed, only the selection is drawn again. */
  draw(): void {
    const { focus, scope } = this.#model;
    const width = this.#root.clientWidth || 640;
    const height = this.#root.clientHeight || width;
    const is = { width, height, focus, scope };
    const isSame = Object.entries(is).every(([key, value]) => this.#drawn[key as keyof typeof is] === value);
    if (!isSame) this.#drawGround(width, height);
    this.#drawn = is;
    const told = this.#drawChosen();
    if (this.#left > 0)
      told.push(`${count(MOST_PROCESSES)} of its processes are drawn, ${count(this.#left)} are not.`);
    this.#note.textContent = told.join(' ');
    this.#activate(this.#chosenSpot(), this.#root.contains(document.activeElement));
  }

  #drawGround(width: number, height: number): void {
    for (const each of [this.#root, this.#over]) each.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const view = this.#viewed();
    const scale = (Math.min(width, height) / 2 - 12) / view.r;
    const place = ({ x, y, r }: Circle): Circle => ({
      x: width / 2 + (x - view.x) * scale,
      y: height / 2 + (y - view.y) * scale,
      r: r * scale,
    });
    const isSeen = ({ x, y, r }: Circle) =>
      x + r > 0 && x - r < width && y + r > 0 && y - r < height && r > 0.3;
    this.#projection = { place, isSeen };
    const { focus, picture, index } = this.#model;
    const users = svg('g');
    const circles = svg('g');
    const spots: Spot[] = [];
    const elements: SVGElement[] = [];
    const add = (spot: Spot) => {
      const element = ring(spot, this.#looksOf(spot));
      element.setAttribute('data-at', `${spots.length}`);
      spots.push(spot);
      elements.push(element);
      circles.append(element);
    };
    for (const user of picture.users) {
      const circle = place(user);
      if (!isSeen(circle)) continue;
      users.append(ring(circle, 'user'));
      for (const one of user.classes) {
        const cls = index.classes[one.id];
        const at = place(one);
        if (cls === undefined || !isSeen(at)) continue;
        if (focus?.kind === 'class' && focus.cls === cls) circles.append(ring(at, 'opened'));
        else add({ ...at, cls });
      }
    }
    this.#left = 0;
    if (focus?.kind === 'class') {
      const { spots: members, left } = this.#members(focus.cls, place(view));
      for (const spot of members) add(spot);
      this.#left = left;
    }
    const hadFocus = this.#root.contains(document.activeElement);
    this.#root.replaceChildren(definitions(''), users, circles);
    this.#spots = spots;
    this.#elements = elements;
    if (hadFocus) this.#activate(this.#chosenSpot(), true);
    this.#drawLabels(width, height);
    this.#drawTrail();
  }

  #drawLabels(width: number, height: number): void {
    const { picture, focus } = this.#model;
    const { place, isSeen } = this.#projection;
    const labels = svg('g', { class: 'labels' });
    this.#texts.clear();
    const room = new Room(width, height);
    for (const spot of this.#spots) {
      const texts = this.#textsOf(spot);
      if (texts.length === 0 || !room.takes(spot)) continue;
      labels.append(...texts);
      this.#texts.set(spot, texts);
    }
    if (focus?.kind !== 'class') {
      for (const user of picture.users) {
        const circle = place(user);
        if (isSeen(circle) && circle.r > 34) userLabel(user.uid, circle, room, labels);
      }
    }
    this.#labels = labels;
  }

  /** Draws the selection. Circles with the most frequent mark keep their look; circles with another mark are drawn over. */
  #drawChosen(): string[] {
    const { selection } = this.#model;
    const over = svg('g', { class: 'circles' });
    const marks = this.#marks();
    const markOf = (spot: Spot): Mark => marks.get(spot.node ?? spot.cls) ?? 'none';
    const counts: Record<Mark, number> = { none: 0, reached: 0, perhaps: 0 };
    for (const spot of this.#spots) counts[markOf(spot)]++;
    const most = (['none', 'reached', 'perhaps'] as const).reduce((a, b) => (counts[b] > counts[a] ? b : a));
    const isDimmed = selection !== null && most === 'none';
    for (const spot of this.#spots) {
      const mark = markOf(spot);
      const isChosen = this.#isChosen(spot);
      if (!isChosen && (selection === null || mark === most)) continue;
      const looks = mark === 'none' && !isChosen ? 'cover' : `${this.#looksOf(spot)} ${mark}`;
      over.append(ring(spot, `${looks}${isChosen ? ' chosen' : ''}`));
    }
    this.#root.classList.toggle('dimmed', isDimmed);
    for (const [spot, texts] of this.#texts) {
      const isFaded = selection !== null && markOf(spot) === 'none' && !this.#isChosen(spot);
      for (const text of texts) text.classList.toggle('faded', isFaded);
    }
    const told: string[] = [];
    const arrows = new Arrows(this.#model, this.#projection);
    if (arrows.told !== null) told.push(arrows.told);
    this.#ring = ring({ x: 0, y: 0, r: 0 }, 'ring');
    const head = Math.min(8, Math.max(5, this.#root.clientWidth / 80));
    this.#over.replaceChildren(definitions('over-', head), over, arrows.group, this.#labels, this.#ring);
    if (selection !== null && !isDimmed)
      told.push(
        `All circles are ${most === 'reached' ? 'reached' : 'possibly reached'} but those that are faint or marked otherwise.`,
      );
    return told;
  }

  #looksOf(spot: Spot): string {
    return `class ${this.#model.stateOf(spot.cls)}${spot.r < SMALL ? ' small' : ''}`;
  }

  #isChosen({ cls, node }: Spot): boolean {
    const { selection } = this.#model;
    if (selection === null) return false;
    if (selection.kind === 'class') return node === undefined && selection.cls === cls;
    return node === undefined ? selection.node.class === cls : selection.node === node;
  }

  /**
   * Marks the classes, and the processes of the open class, that the selection may trace. A chosen process counts with all steps
   * of its reach, a chosen class only with direct edges.
   */
  #marks(): Map<ProcessClass | ProcessNode, Mark> {
    const marks = new Map<ProcessClass | ProcessNode, Mark>();
    const answer = this.#model.answer();
    if (answer === null) return marks;
    const { bounds, targets } = answer;
    if (bounds === null) {
      for (const [cls, sure] of targets) marks.set(cls, sure === 'certain' ? 'reached' : 'perhaps');
      return marks;
    }
    for (const [nodes, mark] of [
      [bounds.possible, 'perhaps'],
      [bounds.certain, 'reached'],
    ] as const) {
      for (const node of nodes) if (node.class !== null) marks.set(node.class, mark);
    }
    const { focus } = this.#model;
    for (const node of focus?.kind === 'class' ? focus.cls.members : []) {
      if (bounds.certain.has(node)) marks.set(node, 'reached');
      else if (bounds.possible.has(node)) marks.set(node, 'perhaps');
    }
    return marks;
  }

  #members(cls: ProcessClass, within: Circle): { spots: Spot[]; left: number } {
    const nodes = cls.members.slice(0, MOST_PROCESSES);
    const packed = packSiblings(nodes.map(node => ({ node, x: 0, y: 0, r: 1 })));
    const extent = packed.reduce((most, { x, y }) => Math.max(most, Math.hypot(x, y) + 1), 1);
    const scale = (within.r * 0.94) / extent;
    const spots = packed.map(({ node, x, y }) => ({
      x: within.x + x * scale,
      y: within.y + y * scale,
      r: Math.max(1, Math.min(scale * 0.88, 60)),
      cls,
      node,
    }));
    return { spots, left: cls.members.length - nodes.length };
  }

  #textsOf(spot: Spot): SVGElement[] {
    if (spot.r < 19) return [];
    const { focus } = this.#model;
    if (focus?.kind === 'class' && spot.node === undefined) return [];
    const size = spot.r > 60 ? 14 : spot.r > 32 ? 12 : 11;
    const first = spot.node ? shownName(spot.node.facts.comm) : programNames(programsOf(spot.cls), 1);
    const many = spot.cls.members.length;
    const second = spot.node ? `${spot.node.pid}` : many > 1 ? count(many) : '';
    const name = fitted(first, spot.r, size);
    if (name === '') return [];
    const hasTwo = second !== '' && spot.r > 24;
    const state = this.#model.stateOf(spot.cls);
    const line = (text: string, dy: number, kind: string) =>
      svg(
        'text',
        {
          x: spot.x.toFixed(1),
          y: (spot.y + dy).toFixed(1),
          'font-size': size,
          class: `${kind} on-${state}`,
        },
        text,
      );
    const top = line(name, hasTwo ? -size * 0.15 : size * 0.35, 'name');
    return hasTwo ? [top, line(second, size, 'number')] : [top];
  }

  #drawTrail(): void {
    const { focus } = this.#model;
    const step = (text: string, to: Focus, isHere: boolean) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = text;
      if (isHere) button.setAttribute('aria-current', 'true');
      button.addEventListener('click', () => this.#events.focusOn(to));
      const item = document.createElement('li');
      item.append(button);
      return item;
    };
    const steps = [step('Whole host', null, focus === null)];
    const uid = focus === null ? null : focus.kind === 'user' ? focus.uid : focus.cls.facts.uids.real;
    if (focus !== null) steps.push(step(userName(uid), { kind: 'user', uid }, focus.kind === 'user'));
    if (focus?.kind === 'class')
      steps.push(
        step(`${counted(focus.cls.members.length, 'process', 'processes')} of a class`, focus, true),
      );
    this.#trail.replaceChildren(...steps);
  }

  #labelOf(spot: Spot): string {
    const state = STATES[this.#model.stateOf(spot.cls)].name;
    return spot.node ? `${nameOf(spot.node)}, ${state}` : `${classLabel(spot.cls)}, ${state}`;
  }

  #chosenSpot(): number {
    const { selection, focus } = this.#model;
    const found = this.#spots.findIndex(spot => {
      if (selection === null) return false;
      if (selection.kind === 'process' && focus?.kind === 'class') return spot.node === selection.node;
      return spot.cls === (selection.kind === 'class' ? selection.cls : selection.node.class);
    });
    if (found >= 0) return found;
    const ofFocus = this.#spots.findIndex(({ cls, node }) =>
      focus?.kind === 'class' ? node !== undefined : focus === null || cls.facts.uids.real === focus.uid,
    );
    return Math.max(0, ofFocus);
  }

  /** Makes one circle the target of the Tab key. */
  #activate(at: number, takesFocus: boolean): void {
    const before = this.#elements[this.#active];
    for (const name of ['tabindex', 'role', 'aria-label', 'aria-hidden']) before?.removeAttribute(name);
    before?.setAttribute('aria-hidden', 'true');
    const [element, spot] = [this.#elements[at], this.#spots[at]];
    if (element === undefined || spot === undefined) return;
    this.#active = at;
    element.removeAttribute('aria-hidden');
    element.setAttribute('tabindex', '0');
    element.setAttribute('role', 'button');
    element.setAttribute('aria-label', this.#labelOf(spot));
    for (const [name, value] of Object.entries({ cx: spot.x, cy: spot.y, r: spot.r + 3 }))
      this.#ring.setAttribute(name, value.toFixed(1));
    if (takesFocus) element.focus({ preventScroll: true });
  }

  #click(event: Event): void {
    const { target } = event;
    const at = target instanceof Element ? target.closest('[data-at]')?.getAttribute('data-at') : null;
    if (at === null || at === undefined) {
      if (this.#model.selection !== null) this.#events.select(null);
      return;
    }
    this.#activate(Number(at), true);
    this.#choose(Number(at), true);
  }

  /** The first click chooses a circle, the second opens it. A circle that is too small for a click is enlarged first. */
  #choose(at: number, isPointed: boolean): void {
    const spot = this.#spots[at];
    if (spot === undefined) return;
    const { selection, focus } = this.#model;
    const uid = spot.cls.facts.uids.real;
    if (isPointed && spot.r < SMALL && spot.node === undefined && focus === null) {
      this.#events.focusOn({ kind: 'user', uid });
      return;
    }
    const [only] = spot.cls.members;
    const node = spot.node ?? (spot.cls.members.length === 1 ? only : undefined);
    if (node !== undefined) this.#events.select({ kind: 'process', node });
    else if (selection?.kind === 'class' && selection.cls === spot.cls)
      this.#events.focusOn({ kind: 'class', cls: spot.cls });
    else this.#events.select({ kind: 'class', cls: spot.cls });
  }

  #key(event: KeyboardEvent): void {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const step = steps[event.key];
    const { focus } = this.#model;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step !== undefined) this.#activate(towards(this.#spots, this.#active, step), true);
    else if (event.key === 'PageDown')
      this.#activate(Math.min(this.#active + 1, this.#spots.length - 1), true);
    else if (event.key === 'PageUp') this.#activate(Math.max(this.#active - 1, 0), true);
    else if (event.key === 'Home') this.#activate(0, true);
    else if (event.key === 'End') this.#activate(this.#spots.length - 1, true);
    else if (event.key === 'Enter' || event.key === ' ') this.#choose(this.#active, false);
    else if (event.key === 'Escape' && focus !== null)
      this.#events.focusOn(focus.kind === 'class' ? { kind: 'user', uid: focus.cls.facts.uids.real } : null);
    else if (event.key === 'Escape') this.#events.select(null);
    else return;
    event.preventDefault();
  }
}
