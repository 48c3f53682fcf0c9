import type { HostMap } from '../graph/map-types.js';
import { count, shownName } from '../graph/names.js';
import type { ClassState } from '../graph/states.js';
import { type ClassText, classTexts, type GraphEdge, graphEdges, graphTitle } from './class-text.js';

/** Below Mermaid's own limits of 500 edges and 50,000 characters, which a document can't raise. */
const MOST_EDGES = 400;
const MOST_NODES = 300;

/** Escapes special characters by Mermaid's entity codes, such as `#35;`, so that none is read as syntax. */
const escaped = (text: string) =>
  text.replace(/[^\p{L}\p{N} .,:()_+-]/gu, character => `#${character.codePointAt(0)};`);

const LOOKS: Record<ClassState, string> = {
  open: 'fill:#fbdcc4,stroke:#b4480c,color:#1b2026',
  unknown: 'fill:#eef0f3,stroke:#667080,color:#1b2026,stroke-dasharray:3 2',
  closed: 'fill:#ffffff,stroke:#2b7468,color:#1b2026',
  capable: 'fill:#41399c,stroke:#41399c,color:#ffffff,stroke-width:4px',
};

/** Selects the nodes to show: ptrace-capable processes first, then nodes with a shown edge, then the largest. */
function shownNodes(nodes: readonly ClassText[], edges: readonly GraphEdge[], map: HostMap): ClassText[] {
  if (nodes.length <= MOST_NODES) return [...nodes];
  const linked = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const size = ({ id }: ClassText) => map.classes[id]?.size ?? 0;
  const rank = (cls: ClassText) => Number(cls.state === 'capable') * 2 + Number(linked.has(cls.id));
  return [...nodes].sort((a, b) => rank(b) - rank(a) || size(b) - size(a)).slice(0, MOST_NODES);
}

/**
 * Formats the map at its scope for Mermaid. Each class is a node; certain edges are solid, possible edges dashed. For a large
 * host only a part fits Mermaid's limits, and the title says so.
 */
export function toMermaid(map: HostMap): string {
  const allEdges = graphEdges(map);
  const allNodes = classTexts(map);
  const nodes = shownNodes(allNodes, allEdges.slice(0, MOST_EDGES), map);
  const ids = new Set(nodes.map(({ id }) => id));
  const edges = allEdges.filter(({ from, to }) => ids.has(from) && ids.has(to)).slice(0, MOST_EDGES);
  const left =
    nodes.length < allNodes.length || edges.length < allEdges.length
      ? [
          `${count(nodes.length)} of ${count(allNodes.length)} classes and ${count(edges.length)} of ${count(allEdges.length)} edges, the strongest`,
        ]
      : [];
  const used = new Set(nodes.map(({ state }) => state));
  return [
    'flowchart LR',
    `  title["${[graphTitle(map, shownName(map.name)), ...left].map(escaped).join('<br>')}"]`,
    ...nodes.map(({ id, lines, state }) => `  c${id}["${lines.map(escaped).join('<br>')}"]:::${state}`),
    ...edges.map(
      ({ from, to, isCertain, text }) =>
        `  c${from} ${isCertain ? '-->' : '-.->'}|"${escaped(text)}"| c${to}`,
    ),
    ...[...used].map(state => `  classDef ${state} ${LOOKS[state]}`),
    '',
  ].join('\n');
}
