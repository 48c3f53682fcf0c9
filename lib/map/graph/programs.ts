import { appendTo } from '../../policy/reach/append-to.js';
import type { HostIndex, ProcessClass, ProcessNode } from '../../policy/reach/process-classes.js';
import { addCounts, noCounts } from './counts.js';
import type { HostEdges } from './edge-counts.js';
import type { EdgeCounts } from './map-types.js';

/** The processes of a class that have one name. */
export interface Program {
  comm: string | null;
  class: ProcessClass;
  members: ProcessNode[];
  /** The tracers of all members, added up. */
  incoming: EdgeCounts;
  removedByOptOut: EdgeCounts;
  /** The member that most processes may trace, and the number of these processes. */
  mostExposed: { node: ProcessNode; tracers: EdgeCounts };
}

const NONE = noCounts();

const exceeds = (a: EdgeCounts, b: EdgeCounts): boolean =>
  a.certain[1] !== b.certain[1] ? a.certain[1] > b.certain[1] : a.possible[1] > b.possible[1];

/** Adds up the counts of the members, which are equal, and the counts of their relatives. */
function together(each: EdgeCounts, members: number, relatives: readonly EdgeCounts[]): EdgeCounts {
  if (members === 1 && relatives.length === 0) return each;
  const all = noCounts();
  addCounts(all, each, members);
  for (const more of relatives) addCounts(all, more);
  return all;
}

function programOf(cls: ProcessClass, members: ProcessNode[], edges: HostEdges): Program {
  const each = edges.incoming.get(cls) ?? NONE;
  const relatives: EdgeCounts[] = [];
  let most: { node: ProcessNode; more: EdgeCounts } | undefined;
  // Strangers are the same for all members of a class; each member has its own relatives.
  for (const node of members) {
    const more = edges.relatives.get(node) ?? NONE;
    if (more !== NONE) relatives.push(more);
    if (most === undefined || exceeds(more, most.more)) most = { node, more };
  }
  if (most === undefined) throw new Error('a program without processes');
  return {
    comm: most.node.facts.comm,
    class: cls,
    members,
    incoming: together(each, members.length, relatives),
    removedByOptOut: together(edges.removedByOptOut.get(cls) ?? NONE, members.length, relatives),
    mostExposed: { node: most.node, tracers: together(each, 1, most.more === NONE ? [] : [most.more]) },
  };
}

/** Groups processes by class and name. The most frequent program of a class is first. */
export function programsOf({ classes }: HostIndex, edges: HostEdges): Program[] {
  return classes.flatMap(cls => {
    const byName = new Map<string | null, ProcessNode[]>();
    for (const node of cls.members) {
      appendTo(byName, node.facts.comm, node);
    }
    return [...byName.values()]
      .sort((a, b) => b.length - a.length)
      .map(members => programOf(cls, members, edges));
  });
}
