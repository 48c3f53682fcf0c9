import type { Circle } from '../formats/picture.js';
import { userName } from '../graph/names.js';
import { svg } from './dom.js';

export function ring({ x, y, r }: Circle, className: string): SVGCircleElement {
  return svg('circle', {
    cx: x.toFixed(1),
    cy: y.toFixed(1),
    r: Math.max(0.8, r).toFixed(1),
    class: className,
    'aria-hidden': 'true',
  });
}

/** Keeps labels from overlapping. */
export class Room {
  readonly #taken: [number, number, number, number][] = [];
  readonly #width: number;
  readonly #height: number;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
  }

  takes({ x, y, r }: Circle): boolean {
    return this.takesBox(x - r * 0.8, y - 12, x + r * 0.8, y + 14);
  }

  takesBox(left: number, top: number, right: number, bottom: number): boolean {
    const isWithin = left >= 0 && top >= 0 && right <= this.#width && bottom <= this.#height;
    const meets = this.#taken.some(([l, t, r, b]) => left < r && right > l && top < b && bottom > t);
    if (!isWithin || meets) return false;
    this.#taken.push([left, top, right, bottom]);
    return true;
  }
}

/** Puts a user's label on the rim of the circle: at the top, or at the bottom if the top has no room. */
export function userLabel(uid: number | null, { x, y, r }: Circle, room: Room, labels: SVGElement): void {
  const text = userName(uid);
  const half = text.length * 3.4 + 4;
  for (const at of [y - r, y + r]) {
    if (!room.takesBox(x - half, at - 8, x + half, at + 8)) continue;
    labels.append(
      svg('text', { x: x.toFixed(1), y: (at + 4).toFixed(1), 'font-size': 12, class: 'of-user' }, text),
    );
    return;
  }
}

/** The definitions of one SVG. Ids hold for the whole document, so each of the two SVGs has its own prefix. */
export function definitions(prefix: string, head = 8): SVGElement {
  const dots = svg(
    'pattern',
    { id: `${prefix}dots`, width: 6, height: 6, patternUnits: 'userSpaceOnUse' },
    svg('rect', { width: 6, height: 6, class: 'dots-ground' }),
    svg('circle', { cx: 3, cy: 3, r: 1.1, class: 'dots-dot' }),
  );
  const hatch = svg(
    'pattern',
    {
      id: `${prefix}hatch`,
      width: 7,
      height: 7,
      patternUnits: 'userSpaceOnUse',
      patternTransform: 'rotate(45)',
    },
    svg('rect', { width: 7, height: 7, class: 'hatch-ground' }),
    svg('rect', { width: 1, height: 7, class: 'hatch-line' }),
  );
  const heads = ['any', 'into', 'out'].map(kind =>
    svg(
      'marker',
      {
        id: `${prefix}${kind}-head`,
        viewBox: '0 0 8 8',
        refX: 6,
        refY: 4,
        markerWidth: head,
        markerHeight: head,
        markerUnits: 'userSpaceOnUse',
        orient: 'auto',
      },
      svg('path', { d: 'M0 0.5L8 4L0 7.5Z', class: `${kind} head` }),
    ),
  );
  return svg('defs', {}, dots, hatch, ...heads);
}

/** The nearest circle in that direction. A sideways distance counts double. */
export function towards(
  spots: readonly Circle[],
  active: number,
  [dx, dy]: readonly [number, number],
): number {
  const from = spots[active];
  if (from === undefined) return active;
  let best = active;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, { x, y }] of spots.entries()) {
    const ahead = (x - from.x) * dx + (y - from.y) * dy;
    const aside = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
    const cost = ahead + 2 * aside;
    if (ahead > 0.5 && cost < least && aside <= 2 * ahead) [best, least] = [at, cost];
  }
  return best;
}
