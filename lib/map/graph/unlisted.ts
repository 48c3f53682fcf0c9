import { TracegateError } from '../../errors.js';
import type { HostMap, MapEdge } from './map-types.js';
import { count } from './names.js';

/** The most edges between classes that a map lists. */
export const MOST_EDGES = 1_000_000;

/** Explains why a map doesn't list its edges, and names other commands. */
export const unlistedText = ({ classes }: Pick<HostMap, 'classes'>): string =>
  `${count(classes.length)} classes of processes have more than ${count(MOST_EDGES)} edges between them, too many for a list: tracegate map counts them and lists the exposed programs, tracegate map --from PID looks from one process, tracegate scan shows the users of the processes`;

/**
 * The edges of a map, for a format that needs the list.
 *
 * @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the map doesn't list its edges
 */
export function listedEdges(map: HostMap): MapEdge[] {
  if (map.edges !== null) return map.edges;
  throw new TracegateError('ERR_TRACEGATE_SNAPSHOT', unlistedText(map));
}
