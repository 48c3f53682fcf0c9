import type { ProcessClass } from '../../policy/reach/process-classes.js';
import { arrowPath, type Circle } from '../formats/picture.js';
import { count, counted } from '../graph/names.js';
import { svg } from './dom.js';
import type { Answer, Model } from './model.js';

/** The most arrows in each direction for the selection. */
const MOST = 40;
/** Pixels; a shorter arrow would only be a head, and is not drawn. */
const SHORTEST = 24;

/** Maps coordinates of the picture to the screen. */
export interface Projection {
  place(circle: Circle): Circle;
  /** True if a circle in screen coordinates is visible. */
  isSeen(circle: Circle): boolean;
}

type Sure = 'certain' | 'possible';

/** The arrows of the picture, and a text that says which edges they show. */
export class Arrows {
  readonly group = svg('g', { class: 'arrows' });
  readonly told: string | null = null;
  readonly #model: Model;
  readonly #projection: Projection;

  constructor(model: Model, projection: Projection) {
    this.#model = model;
    this.#projection = projection;
    const { selection, focus } = model;
    if (focus?.kind === 'class') return;
    const answer = model.answer();
    const cls = selection?.kind === 'process' ? selection.node.class : (selection?.cls ?? null);
    this.told = answer === null || cls === null ? this.#strongest() : this.#ofChosen(cls, answer);
  }

  #draw(from: number, to: number, sure: Sure, kind: 'any' | 'into' | 'out'): boolean {
    const { classes } = this.#model.picture;
    const [a, b] = [classes.get(from), classes.get(to)];
    if (a === undefined || b === undefined || from === to) return false;
    const { place, isSeen } = this.#projection;
    const [start, end] = [place(a), place(b)];
    const isTooNear = Math.hypot(start.x - end.x, start.y - end.y) < SHORTEST;
    if (isTooNear || !(isSeen(start) || isSeen(end))) return false;
    this.group.append(
      svg('path', {
        d: arrowPath(start, end, 5),
        class: `${kind} ${sure}`,
        'marker-end': `url(#over-${kind}-head)`,
      }),
    );
    return true;
  }

  #strongest(): string {
    const { data, scope } = this.#model;
    const between = data.between[scope];
    const drawn = data.strongest[scope].filter(({ from, to, certain }) =>
      this.#draw(from, to, certain[scope] > 0 ? 'certain' : 'possible', 'any'),
    );
    if (between === 0) return 'Between two classes only ptrace-capable processes may trace.';
    return drawn.length < between
      ? `Arrows: ${drawn.length} of the strongest of ${counted(between, 'edge')} between two classes; choose a circle to see its own.`
      : `Arrows: all ${counted(between, 'edge')} between two classes, without those of ptrace-capable processes.`;
  }

  #ofChosen(cls: ProcessClass, answer: Answer): string {
    const into = [...answer.tracers].filter(([from]) => from !== cls);
    const out = [...answer.targets].filter(([to]) => to !== cls);
    into.sort(([, a], [, b]) => b.certain - a.certain || b.possible - a.possible);
    out.sort(([a, sureA], [b, sureB]) => sureA.localeCompare(sureB) || b.members.length - a.members.length);
    for (const [from, { certain }] of into.slice(0, MOST))
      this.#draw(from.id, cls.id, certain > 0 ? 'certain' : 'possible', 'into');
    for (const [to, sure] of out.slice(0, MOST)) this.#draw(cls.id, to.id, sure, 'out');
    const some = (all: unknown[], one: string, many: string) =>
      all.length > MOST
        ? `the ${MOST} strongest of ${count(all.length)} ${many}`
        : counted(all.length, one, many);
    const tracers = some(into, 'other class that may trace it', 'other classes that may trace it');
    const targets = some(out, 'other that it may trace at once', 'others that it may trace at once');
    return `Arrows: ${tracers}, ${targets}.`;
  }
}
