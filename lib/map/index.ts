export { diffHosts, type MapDiff } from './diff.js';
export { htmlPage } from './html.js';
export { type MapOptions, mapHost } from './map-host.js';
export type { HostMap } from './map-types.js';
