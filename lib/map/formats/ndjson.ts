import type { Snapshot } from '../../kernel/host.js';
import { classAccessOf } from '../../policy/reach/class-access.js';
import { type HostIndex, indexOf } from '../../policy/reach/process-classes.js';
import { SCHEMA_VERSIONS } from '../../schema-versions.js';
import { edgesFrom } from '../graph/edge-counts.js';
import { type MapOptions, mapHost } from '../graph/map-host.js';
import type { HostMap, MapClass, MapEdge } from '../graph/map-types.js';
import { SECRET_KEEPERS } from '../graph/secret-keepers.js';
import { effectiveScope } from '../graph/states.js';
import { listedEdges } from '../graph/unlisted.js';

/*
 * A map for a query engine, by schemas/map-lines.schema.json. Each line is the host, a class, an edge between classes, or an
 * exposed program. Each line names the snapshot's file, since several hosts may have the same name.
 */

/** Replaces half a surrogate pair. Query engines reject it, so one such name would make a whole fleet unreadable. */
const wellFormed = (_: string, value: unknown) =>
  typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\ufffd') : value;

const sizeOf = (classes: readonly MapClass[]) => classes.reduce((sum, { size }) => sum + size, 0);

const hostLine = (map: HostMap) => ({
  schemaVersion: SCHEMA_VERSIONS['map-lines'],
  takenAt: map.takenAt,
  scope: map.scope,
  effectiveScope: effectiveScope(map.scope),
  processes: map.processes,
  traceable: map.traceable,
  ptraceCapable: sizeOf(map.classes.filter(({ isPtraceCapable }) => isPtraceCapable)),
  edgesByScope: map.edgesByScope,
  possibleEdgesByScope: map.possibleEdgesByScope,
});

/** True if a ptrace-capable process surely may trace every class. A seccomp filter or another security module may leave a doubt. */
function reachesAll({ id, isPtraceCapable }: MapClass, index: HostIndex): boolean {
  const cls = index.classes[id];
  if (!isPtraceCapable || cls === undefined) return false;
  const sure = classAccessOf(index)
    .rowsOf(cls)
    .filter(({ access }) => access.viaCapability === true);
  return sure.reduce((sum, { target }) => sum + target.classes.length, 0) === index.classes.length;
}

function edgesOfPtraceCapable({ id }: MapClass, index: HostIndex): MapEdge[] {
  const cls = index.classes[id];
  if (cls === undefined) return [];
  return edgesFrom(index, cls).map(({ to, counts }) => ({ from: id, to: to.id, ...counts }));
}

/**
 * @param file the file of the snapshot; empty for a snapshot of this host that has no file
 * @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the map doesn't list its edges
 */
export function* mapLines(snapshot: Snapshot, file: string, options: MapOptions = {}): Generator<string> {
  const map = mapHost(snapshot, { ...options, exposed: Number.POSITIVE_INFINITY });
  const edges = listedEdges(map);
  const index = indexOf(snapshot);
  const line = (type: string, cls: object) =>
    `${JSON.stringify({ type, host: map.name, file, ...cls }, wellFormed)}\n`;
  yield line('host', hostLine(map));
  const unsure: MapClass[] = [];
  for (const cls of map.classes) {
    const all = reachesAll(cls, index);
    if (cls.isPtraceCapable && !all) unsure.push(cls);
    const programs = cls.programs.map(one => ({ ...one, keepsSecrets: SECRET_KEEPERS.has(one.comm ?? '') }));
    yield line('class', { ...cls, programs, reachesAll: all });
  }
  for (const edge of edges) yield line('edge', edge);
  for (const cls of unsure) for (const edge of edgesOfPtraceCapable(cls, index)) yield line('edge', edge);
  for (const { tracers, ...program } of map.exposed) yield line('exposed', { ...program, ...tracers });
}
