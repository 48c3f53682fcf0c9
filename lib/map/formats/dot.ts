import type { HostMap } from '../graph/map-types.js';
import { shownName } from '../graph/names.js';
import type { ClassState } from '../graph/states.js';
import { classTexts, graphEdges, graphTitle } from './class-text.js';

/** Escapes a text for quotes of Graphviz, in which `\N` and `&lt;` have a meaning. */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('\\', '\\\\').replaceAll('"', '\\"');

const quoted = (lines: readonly string[]) => `"${lines.map(escaped).join('\\n')}"`;

const LOOKS: Record<ClassState, string> = {
  open: 'style=filled, fillcolor="#fbdcc4", color="#b4480c"',
  unknown: 'style="filled,dotted", fillcolor="#eef0f3", color="#667080"',
  closed: 'style=solid, color="#2b7468"',
  capable: 'style=filled, fillcolor="#41399c", color="#41399c", fontcolor=white, peripheries=2',
};

/** Formats the map at its scope for Graphviz. Each class is a node; certain edges are solid, possible edges dashed. */
export function toDot(map: HostMap): string {
  const nodes = classTexts(map).map(
    ({ id, lines, state }) => `  c${id} [label=${quoted(lines)}, ${LOOKS[state]}];`,
  );
  const edges = graphEdges(map).map(
    ({ from, to, isCertain, text }) =>
      `  c${from} -> c${to} [label=${quoted([text])}, style=${isCertain ? 'solid' : 'dashed'}];`,
  );
  return [
    'digraph tracegate {',
    `  label=${quoted([graphTitle(map, shownName(map.name))])};`,
    '  graph [labelloc=t, fontname="sans-serif", rankdir=LR];',
    '  node [shape=box, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...nodes,
    ...edges,
    '}',
    '',
  ].join('\n');
}
