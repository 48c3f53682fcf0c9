import type { HostMap, MapClass } from '../graph/map-types.js';
import { count, counted, escapeMarkup, programNames, shownName, userName } from '../graph/names.js';
import { type ClassState, classStates, effectiveScope, strongest } from '../graph/states.js';
import { listedEdges } from '../graph/unlisted.js';
import { graphTitle, STATE_WORDS } from './class-text.js';
import { arrowPath, type Circle, fitted, layOut, type Picture } from './picture.js';

const WIDTH = 1000;
const TOP = 64;
const BOTTOM = 64;

const LOOKS: Record<ClassState, string> = {
  open: 'fill="#fbdcc4" stroke="#b4480c"',
  unknown: 'fill="url(#dots)" stroke="#667080" stroke-dasharray="3 2"',
  closed: 'fill="url(#hatch)" stroke="#2b7468"',
  capable: 'fill="#41399c" stroke="#41399c"',
};

const HALOES: Record<ClassState, string> = {
  open: '#fbdcc4',
  unknown: '#eef0f3',
  closed: '#fff',
  capable: '#41399c',
};

const DEFINITIONS = `<defs>
<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#eef0f3"/><circle cx="3" cy="3" r="1.1" fill="#667080"/></pattern>
<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="7" height="7" fill="#fff"/><rect width="1" height="7" fill="#2b7468" fill-opacity="0.45"/></pattern>
<marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5L8 4L0 7.5Z" fill="#59636e"/></marker>
</defs>`;

const place = ({ x, y, r }: Circle): Circle => ({ x: x + WIDTH / 2, y: y + WIDTH / 2 + TOP, r });

const fixed = (value: number) => value.toFixed(1);

const circle = ({ x, y, r }: Circle, looks: string, title = '') =>
  `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="${fixed(Math.max(0.5, r))}" ${looks}>${title === '' ? '' : `<title>${escapeMarkup(title)}</title>`}</circle>`;

const line = (x: number, y: number, text: string, looks: string) =>
  `<text x="${fixed(x)}" y="${fixed(y)}" ${looks}>${escapeMarkup(text)}</text>`;

function classLines(cls: MapClass, { x, y, r }: Circle, state: ClassState): string {
  const size = r > 60 ? 14 : r > 32 ? 12 : 11;
  const name = r < 19 ? '' : fitted(programNames(cls.programs, 1), r, size);
  if (name === '') return '';
  const looks = `font-size="${size}" fill="${state === 'capable' ? '#fff' : '#1b2026'}" stroke="${HALOES[state]}" stroke-width="3" paint-order="stroke" stroke-linejoin="round"`;
  const hasTwo = cls.size > 1 && r > 24;
  const first = line(x, y + (hasTwo ? -0.15 : 0.35) * size, name, `${looks} font-weight="600"`);
  return hasTwo ? first + line(x, y + size, count(cls.size), looks) : first;
}

function circles(map: HostMap, picture: Picture): string[] {
  const scope = effectiveScope(map.scope);
  const states = classStates(map);
  const labels: string[] = [];
  const drawn = picture.users.flatMap(user => {
    const rim = place(user);
    if (user.r > 30)
      labels.push(
        line(
          rim.x,
          rim.y - rim.r + 4,
          userName(user.uid),
          'font-size="12" fill="#59636e" stroke="#fff" stroke-width="6" paint-order="stroke"',
        ),
      );
    const classes = user.classes.map(one => {
      const cls = map.classes[one.id];
      const state = states[one.id]?.[scope] ?? 'closed';
      if (cls === undefined) return '';
      labels.push(classLines(cls, place(one), state));
      const title = `${counted(cls.size, 'process', 'processes')}: ${programNames(cls.programs, 6)}; ${userName(cls.uid)}; ${STATE_WORDS[state]}`;
      return circle(place(one), `${LOOKS[state]} stroke-width="${one.r < 7 ? 0.75 : 1.5}"`, title);
    });
    return [circle(rim, 'fill="none" stroke="#dcdfe3"'), ...classes];
  });
  return [...drawn, `<g text-anchor="middle">${labels.join('')}</g>`];
}

function arrows(map: HostMap, picture: Picture): { paths: string[]; note: string } {
  const scope = effectiveScope(map.scope);
  const { strongest: all, between } = strongest(listedEdges(map));
  const paths = all[scope].flatMap(({ from, to, certain }) => {
    const [a, b] = [picture.classes.get(from), picture.classes.get(to)];
    if (a === undefined || b === undefined) return [];
    const dashes = certain[scope] > 0 ? '' : ' stroke-dasharray="6 4"';
    return [
      `<path d="${arrowPath(place(a), place(b), 5)}" fill="none" stroke="#59636e" stroke-opacity="0.7" stroke-width="1.5"${dashes} marker-end="url(#head)"/>`,
    ];
  });
  const note =
    paths.length < between[scope]
      ? `the ${paths.length} strongest of ${count(between[scope])} edges between two classes`
      : `${counted(paths.length, 'edge')} between two classes`;
  return { paths, note };
}

function legend(note: string): string[] {
  const y = TOP + WIDTH + 22;
  const states: ClassState[] = ['open', 'unknown', 'closed', 'capable'];
  const swatches = states.map((state, at) => {
    const x = 24 + at * 110;
    return `${circle({ x, y: y - 4, r: 7 }, `${LOOKS[state]} stroke-width="1.5"`)}${line(x + 14, y, STATE_WORDS[state], 'font-size="13" fill="#1b2026"')}`;
  });
  const text = `arrows: ${note}, without those of ptrace-capable processes; dashed: possible, as far as is seen`;
  return [...swatches, line(17, y + 24, text, 'font-size="13" fill="#59636e"')];
}

/** Formats the map at its scope as an SVG that loads no other file. Each circle has a title that describes its class. */
export function toSvg(map: HostMap): string {
  const picture = layOut(map.classes);
  const { paths, note } = arrows(map, picture);
  const title = graphTitle(map, shownName(map.name));
  const description = `Circles are ${counted(map.classes.length, 'class', 'classes')} of processes that the tracing rules can't tell apart, in the circle of their user, by how many there are. Arrows: ${note}.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${TOP + WIDTH + BOTTOM}" role="img" aria-labelledby="title description" font-family="system-ui, 'DejaVu Sans', sans-serif">`,
    `<title id="title">${escapeMarkup(title)}</title>`,
    `<desc id="description">${escapeMarkup(description)}</desc>`,
    DEFINITIONS,
    `<rect width="${WIDTH}" height="${TOP + WIDTH + BOTTOM}" fill="#fff"/>`,
    line(17, 36, title, 'font-size="20" font-weight="600" fill="#1b2026"'),
    ...circles(map, picture),
    ...paths,
    ...legend(note),
    '</svg>',
    '',
  ].join('\n');
}
