import type { HostMap, MapClass, MapEdge } from '../graph/map-types.js';
import { count, counted, programNames, userName } from '../graph/names.js';
import { type ClassState, classStates, effectiveScope } from '../graph/states.js';
import { listedEdges } from '../graph/unlisted.js';

/** The text of a class in a graph. */
export interface ClassText {
  id: number;
  lines: string[];
  state: ClassState;
}

export const STATE_WORDS: Record<ClassState, string> = {
  open: 'open',
  unknown: 'not seen',
  closed: 'closed',
  capable: 'ptrace-capable',
};

export function classTexts(map: HostMap): ClassText[] {
  const scope = effectiveScope(map.scope);
  const states = classStates(map);
  return map.classes.map((cls: MapClass): ClassText => {
    const state = states[cls.id]?.[scope] ?? 'closed';
    const size = counted(cls.size, 'process', 'processes');
    return {
      id: cls.id,
      lines: [programNames(cls.programs), `${size}, ${userName(cls.uid)}`, STATE_WORDS[state]],
      state,
    };
  });
}

export interface GraphEdge {
  from: number;
  to: number;
  isCertain: boolean;
  text: string;
}

/** The edges at the map's scope, with most pairs first. An edge with certain and possible pairs is drawn as certain. */
export function graphEdges(map: HostMap): GraphEdge[] {
  const at = effectiveScope(map.scope);
  const rank = ({ certain, possible }: MapEdge) => [certain[at], possible[at]] as const;
  return listedEdges(map)
    .filter(edge => rank(edge).some(value => value > 0))
    .sort((a, b) => b.certain[at] - a.certain[at] || b.possible[at] - a.possible[at])
    .map(edge => {
      const [certain, possible] = rank(edge);
      const text = [
        certain > 0 ? count(certain) : '',
        possible > 0 ? `${count(possible)} possible` : '',
      ].filter(part => part !== '');
      return { from: edge.from, to: edge.to, isCertain: certain > 0, text: text.join(', ') };
    });
}

/** The title of a graph, in one line. */
export function graphTitle(map: HostMap, name: string): string {
  const scope =
    map.scope === 'absent'
      ? 'without Yama'
      : map.scope === 'unknown'
        ? 'ptrace_scope unknown, taken for 0'
        : `ptrace_scope ${map.scope}`;
  const at = effectiveScope(map.scope);
  return `${name}, ${scope}: ${count(map.edgesByScope[at])} edges, ${count(map.possibleEdgesByScope[at])} more possible`;
}
