import { hierarchy, pack } from 'd3-hierarchy';

/** The facts of a class that decide how the class is drawn. */
export interface PictureClass {
  id: number;
  size: number;
  uid: number | null;
}

export interface Circle {
  x: number;
  y: number;
  r: number;
}

export interface UserCircle extends Circle {
  uid: number | null;
  classes: ClassCircle[];
}

export interface ClassCircle extends Circle {
  id: number;
}

/** Circles of classes in the circles of their users, all within `radius` around 0, 0. A circle's area is the class's size. */
export interface Picture {
  radius: number;
  users: UserCircle[];
  classes: ReadonlyMap<number, ClassCircle>;
}

const RADIUS = 500;

interface Branch {
  uid?: number | null;
  id?: number;
  size?: number;
  children?: Branch[];
}

/** The padding between circles. Few circles get more room, for labels between them. */
const paddingOf = (classes: number) => Math.max(0.6, 12 / Math.sqrt(classes + 1));

export function layOut(classes: readonly PictureClass[]): Picture {
  const byUser = new Map<number | null, PictureClass[]>();
  for (const cls of classes) {
    const list = byUser.get(cls.uid);
    if (list === undefined) byUser.set(cls.uid, [cls]);
    else list.push(cls);
  }
  const branches: Branch[] = [...byUser].map(([uid, list]) => ({
    uid,
    children: list.map(({ id, size }) => ({ id, size })),
  }));
  const padding = paddingOf(classes.length);
  const tree = pack<Branch>()
    .size([2 * RADIUS, 2 * RADIUS])
    .padding(({ depth }) => padding * (depth === 0 ? 5 : 3))(
    hierarchy<Branch>({ children: branches })
      .sum(({ size }) => size ?? 0)
      .sort((a, b) => (b.value ?? 0) - (a.value ?? 0) || (a.data.id ?? 0) - (b.data.id ?? 0)),
  );
  const circle = ({ x, y, r }: Circle): Circle => ({ x: x - RADIUS, y: y - RADIUS, r });
  const users = (tree.children ?? []).map(
    (user): UserCircle => ({
      ...circle(user),
      uid: user.data.uid ?? null,
      classes: (user.children ?? []).map(one => ({ ...circle(one), id: one.data.id ?? -1 })),
    }),
  );
  return {
    radius: RADIUS,
    users,
    classes: new Map(users.flatMap(user => user.classes.map(one => [one.id, one]))),
  };
}

/** The angle by which an arrow's ends are moved aside, so that arrows in both directions don't overlap. */
const ASIDE = 0.28;

/** The path of an arrow from the edge of one circle to the edge of another. Near circles have the arrow begin inside. */
export function arrowPath(from: Circle, to: Circle, gap: number): string {
  const way = Math.atan2(to.y - from.y, to.x - from.x);
  const between = Math.hypot(to.x - from.x, to.y - from.y) - from.r - to.r;
  const on = ({ x, y }: Circle, r: number, angle: number) => ({
    x: x + r * Math.cos(angle),
    y: y + r * Math.sin(angle),
  });
  const start = on(from, between < 16 ? Math.max(0, from.r - 16) : from.r, way - ASIDE);
  const end = on(to, to.r + Math.min(gap, Math.max(1, between)), way + Math.PI + ASIDE);
  const middle = {
    x: (start.x + end.x) / 2 + 0.15 * (end.y - start.y),
    y: (start.y + end.y) / 2 - 0.15 * (end.x - start.x),
  };
  const at = ({ x, y }: { x: number; y: number }) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return `M${at(start)}Q${at(middle)} ${at(end)}`;
}

/** Cuts a text to the width of a circle. The result is empty if too few characters fit. */
export function fitted(text: string, radius: number, fontSize: number): string {
  const room = Math.floor((radius * 1.66) / (fontSize * 0.63));
  const characters = [...text];
  if (characters.length <= room) return text;
  return room < 5 ? '' : `${characters.slice(0, room - 1).join('')}…`;
}
