import type { HostIndex, Node, ProcessClass } from '../policy/process-classes.js';
import { addCounts, type HostEdges, noCounts } from './edge-counts.js';
import type { EdgeCounts } from './host-map.js';

/** The processes of a class that have one name. */
export interface Program {
  comm: string | null;
  class: ProcessClass;
  members: Node[];
  /** Of all its members together. */
  into: EdgeCounts;
  shutOut: EdgeCounts;
  /** The one that most may trace, and how many may. */
  mostExposed: { node: Node; tracers: EdgeCounts };
}

function tracersOf(node: Node, its: ProcessClass, { into, relatives }: HostEdges): EdgeCounts {
  const counts = noCounts();
  addCounts(counts, into.get(its) ?? noCounts());
  addCounts(counts, relatives.get(node) ?? noCounts());
  return counts;
}

const exceeds = (a: EdgeCounts, b: EdgeCounts): boolean =>
  a.certain[1] !== b.certain[1] ? a.certain[1] > b.certain[1] : a.possible[1] > b.possible[1];

function programOf(its: ProcessClass, members: Node[], edges: HostEdges): Program {
  const into = noCounts();
  const shutOut = noCounts();
  let most: Program['mostExposed'] | undefined;
  for (const node of members) {
    const tracers = tracersOf(node, its, edges);
    addCounts(into, tracers);
    addCounts(shutOut, edges.shutOut.get(its) ?? noCounts());
    addCounts(shutOut, edges.relatives.get(node) ?? noCounts());
    if (most === undefined || exceeds(tracers, most.tracers)) most = { node, tracers };
  }
  const [first] = members;
  if (most === undefined || first === undefined) throw new Error('a program without processes');
  return { comm: first.facts.comm, class: its, members, into, shutOut, mostExposed: most };
}

/** By class and name, the most frequent of a class first. */
export function programsOf({ classes }: HostIndex, edges: HostEdges): Program[] {
  return classes.flatMap(its => {
    const byName = new Map<string | null, Node[]>();
    for (const node of its.members) {
      const list = byName.get(node.facts.comm);
      if (list === undefined) byName.set(node.facts.comm, [node]);
      else list.push(node);
    }
    return [...byName.values()]
      .sort((a, b) => b.length - a.length)
      .map(members => programOf(its, members, edges));
  });
}
