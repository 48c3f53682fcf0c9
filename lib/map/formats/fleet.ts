import type { ByScope, Exposed, HostMap } from '../graph/map-types.js';
import { count, escapeMarkup, shownName } from '../graph/names.js';
import { effectiveScope } from '../graph/states.js';
import { hashOf } from './html.js';

/** The summary of one host of a fleet. */
export interface FleetHost {
  file: string;
  name: string;
  takenAt: string;
  scope: HostMap['scope'];
  processes: number;
  /** As {@link HostMap.isWhole}. */
  isWhole: boolean;
  edgesByScope: ByScope;
  possibleEdgesByScope: ByScope;
  /** Processes that hold CAP_SYS_PTRACE over everything. */
  ptraceCapable: number;
  /** Programs that keep secrets, and that other processes surely may trace at the host's own scope. */
  exposedSecrets: { comm: string | null; uid: number | null; tracers: number }[];
  /** Further programs that keep secrets, and that other processes possibly may trace. */
  perhapsExposedSecrets: { comm: string | null; uid: number | null; tracers: number }[];
  inspectors: number;
}

export interface Fleet {
  /** The hosts; the host with most edges at its own scope is first. */
  hosts: FleetHost[];
  /** Files that could not be read as snapshots. */
  failed: { file: string; because: string }[];
}

export function fleetHost(file: string, map: HostMap): FleetHost {
  const at = effectiveScope(map.scope);
  const uidOf = new Map(map.classes.map(({ id, uid }) => [id, uid]));
  const secrets = map.exposed.filter(({ keepsSecrets }) => keepsSecrets);
  const exposed = secrets.filter(({ tracers }) => tracers.certain[at] > 0);
  const perhaps = secrets.filter(({ tracers }) => tracers.certain[at] === 0 && tracers.possible[at] > 0);
  const by = (bound: 'certain' | 'possible') => (one: Exposed) => ({
    comm: one.comm,
    uid: uidOf.get(one.class) ?? null,
    tracers: one.tracers[bound][at],
  });
  return {
    file,
    name: map.name,
    takenAt: map.takenAt,
    scope: map.scope,
    processes: map.processes,
    isWhole: map.isWhole,
    edgesByScope: map.edgesByScope,
    possibleEdgesByScope: map.possibleEdgesByScope,
    ptraceCapable: map.classes
      .filter(({ isPtraceCapable }) => isPtraceCapable)
      .reduce((sum, { size }) => sum + size, 0),
    exposedSecrets: exposed.map(by('certain')),
    perhapsExposedSecrets: perhaps.map(by('possible')),
    inspectors: map.inspectors.length,
  };
}

const edgesNow = ({ scope, edgesByScope }: FleetHost) => edgesByScope[effectiveScope(scope)];

export const worstFirst = (hosts: readonly FleetHost[]): FleetHost[] =>
  [...hosts].sort(
    (a, b) =>
      edgesNow(b) - edgesNow(a) ||
      b.exposedSecrets.length - a.exposedSecrets.length ||
      (a.name < b.name ? -1 : 1),
  );

const names = (programs: FleetHost['exposedSecrets']) =>
  [...new Set(programs.map(({ comm }) => shownName(comm)))].slice(0, 4).join(', ');

export function secretsText({ exposedSecrets, perhapsExposedSecrets }: FleetHost): string {
  if (exposedSecrets.length > 0) return names(exposedSecrets);
  return perhapsExposedSecrets.length > 0 ? `perhaps ${names(perhapsExposedSecrets)}` : 'none';
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: start; padding: 0.5rem 0; }
th, td { padding: 0.4rem 0.75rem; border-bottom: 1px solid light-dark(#ccc, #444); text-align: start; vertical-align: top; }
td.n, th.n { text-align: end; }
td.now { font-weight: 700; text-decoration: underline; }
`;

/** Formats a fleet as one HTML page without a script. */
export function fleetPage({ hosts, failed }: Fleet): string {
  const perhaps = ({ possibleEdgesByScope }: FleetHost, scope: keyof ByScope) =>
    possibleEdgesByScope[scope] === 0
      ? ''
      : ` <small>(perhaps ${count(possibleEdgesByScope[scope])} more)</small>`;
  const row = (host: FleetHost) => {
    const cells = ([0, 1, 2, 3] as const).map(
      scope =>
        `<td class="n${host.scope === scope ? ' now' : ''}">${count(host.edgesByScope[scope])}${perhaps(host, scope)}${host.scope === scope ? ' <small>(now)</small>' : ''}</td>`,
    );
    return `<tr><th scope="row">${escapeMarkup(shownName(host.name))}</th><td>${escapeMarkup(`${host.scope}`)}</td>${cells.join('')}<td>${escapeMarkup(secretsText(host))}</td><td class="n">${host.ptraceCapable}</td><td class="n">${host.inspectors}</td><td class="n">${count(host.processes)}${host.isWhole ? '' : ' <small>(a part)</small>'}</td><td>${escapeMarkup(shownName(host.takenAt))}</td></tr>`;
  };
  const failures = failed.map(
    ({ file, because }) => `<li>${escapeMarkup(shownName(file))}: ${escapeMarkup(because)}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${hashOf(STYLE)}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Which process may trace which: ${hosts.length} hosts</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Which process may trace which: ${hosts.length} hosts</h1>
<p>Edges are ordered pairs of processes of which the first surely may trace the second, without those of processes that hold
CAP_SYS_PTRACE over everything. The host with most edges at its own ptrace_scope stands first.</p>
${failed.length === 0 ? '' : `<section aria-labelledby="failed"><h2 id="failed">Not read</h2><ul>${failures.join('')}</ul></section>`}
<div class="scroll" role="region" aria-label="Hosts" tabindex="0">
<table>
<caption>Hosts, the worst first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">ptrace_scope</th><th scope="col" class="n">Edges at 0</th><th scope="col" class="n">at 1</th><th scope="col" class="n">at 2</th><th scope="col" class="n">at 3</th><th scope="col">Exposed programs that keep secrets</th><th scope="col" class="n">With CAP_SYS_PTRACE</th><th scope="col" class="n">Node inspectors</th><th scope="col" class="n">Processes</th><th scope="col">Seen</th></tr></thead>
<tbody>
${hosts.map(row).join('\n')}
</tbody>
</table>
</div>
</main>
</body>
</html>
`;
}
