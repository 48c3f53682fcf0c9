import { appendTo } from '../policy/append-to.js';
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

const NONE = noCounts();

const exceeds = (a: EdgeCounts, b: EdgeCounts): boolean =>
  a.certain[1] !== b.certain[1] ? a.certain[1] > b.certain[1] : a.possible[1] > b.possible[1];

function programOf(its: ProcessClass, members: Node[], edges: HostEdges): Program {
  const each = edges.into.get(its) ?? NONE;
  const into = noCounts();
  const shutOut = noCounts();
  addCounts(into, each, members.length);
  addCounts(shutOut, edges.shutOut.get(its) ?? NONE, members.length);
  let most: { node: Node; more: EdgeCounts } | undefined;
  // What others of its class are to it is the same for each; relatives are its own.
  for (const node of members) {
    const more = edges.relatives.get(node) ?? NONE;
    if (more !== NONE) {
      addCounts(into, more);
      addCounts(shutOut, more);
    }
    if (most === undefined || exceeds(more, most.more)) most = { node, more };
  }
  if (most === undefined) throw new Error('a program without processes');
  const tracers = noCounts();
  addCounts(tracers, each);
  addCounts(tracers, most.more);
  return {
    comm: most.node.facts.comm,
    class: its,
    members,
    into,
    shutOut,
    mostExposed: { node: most.node, tracers },
  };
}

/** By class and name, the most frequent of a class first. */
export function programsOf({ classes }: HostIndex, edges: HostEdges): Program[] {
  return classes.flatMap(its => {
    const byName = new Map<string | null, Node[]>();
    for (const node of its.members) {
      appendTo(byName, node.facts.comm, node);
    }
    return [...byName.values()]
      .sort((a, b) => b.length - a.length)
      .map(members => programOf(its, members, edges));
  });
}
