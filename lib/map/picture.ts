import { hierarchy, pack } from 'd3-hierarchy';

/** What of a class decides how it is drawn. */
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

/** Circles of classes by area of their size, in a circle a user, in one of that radius around 0, 0. */
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

/** Of few circles there is room to write between them. */
const paddingOf = (classes: number) => Math.max(0.6, 12 / Math.sqrt(classes + 1));

export function layOut(classes: readonly PictureClass[]): Picture {
  const byUser = new Map<number | null, PictureClass[]>();
  for (const its of classes) {
    const list = byUser.get(its.uid);
    if (list === undefined) byUser.set(its.uid, [its]);
    else list.push(its);
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

/** From the edge of one circle to that of another, bent to the left, so that there and back are two. */
export function arrowPath(from: Circle, to: Circle, gap: number): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const distance = Math.hypot(dx, dy) || 1;
  const bend = Math.min(0.18 * distance, 60);
  const middle = {
    x: (from.x + to.x) / 2 + (dy / distance) * bend,
    y: (from.y + to.y) / 2 - (dx / distance) * bend,
  };
  const towards = (circle: Circle, more: number) => {
    const [mx, my] = [middle.x - circle.x, middle.y - circle.y];
    const length = Math.hypot(mx, my) || 1;
    const by = Math.min(circle.r + more, length * 0.9) / length;
    return `${(circle.x + mx * by).toFixed(1)} ${(circle.y + my * by).toFixed(1)}`;
  };
  return `M${towards(from, 0)}Q${middle.x.toFixed(1)} ${middle.y.toFixed(1)} ${towards(to, gap)}`;
}

/** As much of a text as goes into a circle. Empty where that would say nothing. */
export function fitted(text: string, radius: number, fontSize: number): string {
  const room = Math.floor((radius * 1.75) / (fontSize * 0.58));
  const characters = [...text];
  if (characters.length <= room) return text;
  return room < 5 ? '' : `${characters.slice(0, room - 1).join('')}…`;
}
