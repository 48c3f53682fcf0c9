export { diffHosts, type MapDiff } from './diff.js';
export type { HostMap, NamedSnapshot } from './host-map.js';
export { htmlPage } from './html.js';
export { type MapOptions, mapHost } from './map-host.js';
