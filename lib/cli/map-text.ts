import type { Snapshot } from '../kernel/host.js';
import { type Fleet, secretsText } from '../map/formats/fleet.js';
import type { MapDiff } from '../map/graph/diff.js';
import type { Advice, HostMap, MapProgram } from '../map/graph/map-types.js';
import { count, counted, shownName, userName } from '../map/graph/names.js';
import { effectiveScope, PART, SCOPES, type Scope } from '../map/graph/states.js';
import { unlistedText } from '../map/graph/unlisted.js';
import type { Passage, Reach, ReachStep } from '../policy/reach/reach.js';
import { colour, fold, printable, table, wrapped } from './output.js';

const scopeText = (scope: HostMap['scope']): string =>
  scope === 'absent' ? 'no Yama' : scope === 'unknown' ? 'ptrace_scope unknown' : `ptrace_scope ${scope}`;

const atScope = (scope: HostMap['scope']): string =>
  scope === 'absent' ? 'without Yama' : `at ${scopeText(scope)}`;

const bounds = (certain: number, possible: number): string =>
  possible === 0 ? count(certain) : `${count(certain)} (perhaps ${count(possible)} more)`;

/** The effect of a change from this scope to a stricter one. */
function lossText(map: HostMap, now: Scope, to: Scope): string {
  const before = map.edgesByScope[now];
  const lost = before - map.edgesByScope[to];
  const refused = to === 0 ? [] : map.refusedTracers[to];
  const names = refused.map(({ pid, comm, target }) => `${shownName(comm)} (${pid}) on ${target.pid}`);
  const open = refused.filter(({ reattach }) => reattach === 'unknown').length;
  const perhaps = open === 0 ? '' : open === refused.length ? ', perhaps' : ` (${open} of them perhaps)`;
  const tracers =
    refused.length === 0
      ? 'no running tracer would be refused'
      : `${counted(refused.length, 'running tracer')} would be refused${perhaps}: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`;
  // An unseen declared tracer may still be allowed.
  const left = Math.min(lost, map.possibleEdgesByScope[to]);
  const unsure = left > 0 ? ` (perhaps ${count(left)} fewer)` : '';
  return `at ${to} this host loses ${count(lost)} of ${counted(before, 'edge')}${unsure}; ${tracers}`;
}

function edgesTable(map: HostMap): string {
  const now = map.scope;
  const rows = SCOPES.map(scope => [
    `  ${scope}${scope === now ? ' (now)' : ''}`,
    count(map.edgesByScope[scope]),
    map.possibleEdgesByScope[scope] === 0 ? '' : `perhaps ${count(map.possibleEdgesByScope[scope])} more`,
  ]);
  return table([['  ptrace_scope', 'edges', ''].map(word => colour('bold', word)), ...rows]);
}

const programText = ({ comm, pid, count: members }: MapProgram): string =>
  `${shownName(comm)} (${pid}${members > 1 ? `, one of ${members}` : ''})`;

/** The number of rows that the text shows of a list. */
const SHOWN = 12;

function exposedTable(map: HostMap, width: number): string {
  const scope = effectiveScope(map.scope);
  const rows = map.exposed.slice(0, SCOPE_ROWS).map(one => {
    const cls = map.classes[one.class];
    const cells = SCOPES.slice(0, 3).map(at => bounds(one.tracers.certain[at], one.tracers.possible[at]));
    const name = `  ${programText(one)}${one.keepsSecrets ? ' *' : ''}`;
    return [
      one.tracers.certain[scope] > 0 ? colour('red', name) : name,
      userName(cls?.uid ?? null),
      ...cells,
    ];
  });
  if (rows.length === 0) return wrapped('  only processes with CAP_SYS_PTRACE may trace others', width);
  const head = ['  Program', 'User', 'may be traced by, at 0', 'at 1', 'at 2'];
  return table([head.map(word => colour('bold', word)), ...rows]);
}
const SCOPE_ROWS = SHOWN;

function dangerousTable(map: HostMap, width: number): string {
  if (map.dangerous === null) return wrapped(`  not looked at: ${unlistedText(map)}`, width);
  const rows = map.dangerous.slice(0, SHOWN).map(one => {
    const cls = map.classes[one.class];
    return [
      `  ${programText(one)}`,
      userName(cls?.uid ?? null),
      bounds(one.reaches.certain, one.reaches.possible),
      one.confined === null ? '' : bounds(one.confined.certain, one.confined.possible),
    ];
  });
  if (rows.length === 0)
    return wrapped('  none: from a process without CAP_SYS_PTRACE an attacker reaches no other', width);
  const head = ['  Program', 'User', 'reaches, in steps', 'if started by tracegate run --confine'];
  return table([head.map(word => colour('bold', word)), ...rows]);
}

const changeText = ({ what, command, costs }: Advice, cut: string, width: number): string =>
  [
    fold(`${printable(what)}: cuts ${cut}`, 5, width),
    ...(command === null ? [] : [`       ${printable(command)}`]),
    wrapped(`       costs: ${costs}`, width),
  ].join('\n');

function adviceText({ advice }: HostMap, width: number): string {
  if (advice.length === 0) return '  nothing that would cut an edge';
  return advice
    .map((change, at) => `  ${at + 1}. ${changeText(change, counted(change.cuts, 'edge'), width)}`)
    .join('\n');
}

export function mapText(map: HostMap, width: number): string {
  const now = effectiveScope(map.scope);
  const ptraceCapable = map.classes.filter(({ isPtraceCapable }) => isPtraceCapable);
  const ptraceCapableCount = ptraceCapable.reduce((sum, { size }) => sum + size, 0);
  const line = (text: string) => wrapped(text, width);
  const part = (title: string, text: string) => `\n${line(colour('bold', title))}\n${text}`;
  const stricter = SCOPES.filter(scope => scope > now);
  return [
    line(
      `${printable(map.name)}, ${scopeText(map.scope)}: ${counted(map.traceable, 'process', 'processes')} that can be traced, in ${counted(map.classes.length, 'class', 'classes')}`,
    ),
    map.isWhole ? '' : line(colour('yellow', PART)),
    part(
      'Edges: processes that may trace another at once, without CAP_SYS_PTRACE over everything',
      edgesTable(map),
    ),
    ...stricter.map(scope => line(`  ${lossText(map, now, scope)}`)),
    ptraceCapableCount === 0
      ? ''
      : line(
          `  ${counted(ptraceCapableCount, 'process', 'processes')} with CAP_SYS_PTRACE over everything, which no edge here counts: up to ptrace_scope 2 they may trace all`,
        ),
    part('Most exposed (* keeps secrets)', exposedTable(map, width)),
    part(
      `Most dangerous: how many processes an attacker in this program reaches, ${atScope(map.scope)}`,
      dangerousTable(map, width),
    ),
    part('Changes that cut most of the certain edges', adviceText(map, width)),
    ...(map.inspectors.length === 0
      ? []
      : [
          part(
            'Beside ptrace',
            line(
              `  ${counted(map.inspectors.length, 'Node')} with the inspector armed or open, at every ptrace_scope: tracegate scan --status inspector`,
            ),
          ),
        ]),
  ]
    .filter(text => text !== '')
    .join('\n');
}

const PASSAGES: Record<Passage, string> = {
  credentials: 'it has the same uid and gid',
  capability: 'CAP_SYS_PTRACE over it',
  ancestor: 'an ancestor of it',
  attached: 'attached to it already',
  declared: 'it has declared that one',
};

const ASSUMED: Record<ReachStep['as'], string> = {
  itself: '',
  'set-ids': ', after setresuid(2)',
  exec: ', perhaps after an exec as root',
  setns: ', perhaps after setns(2)',
};

function stepText(step: ReachStep, names: ReadonlyMap<number, string | null>): string {
  const undetermined =
    step.undetermined.length === 0 ? '' : `, unless ${step.undetermined.join(' or ')} refuses`;
  return `${step.pid} ${shownName(names.get(step.pid) ?? null)} [${PASSAGES[step.rule]}${ASSUMED[step.as]}${undetermined}]`;
}

/** The number of paths that the text shows for each bound. */
const PATHS = 20;

type Bounds = Pick<Reach, 'certain' | 'possible'>;

const boundsText = ({ certain, possible }: Bounds): string =>
  `${counted(certain.length, 'process', 'processes')}${possible.length > 0 ? `, and perhaps ${count(possible.length)} more` : ''}`;

function pathsText({ certain, possible }: Bounds, names: ReadonlyMap<number, string | null>): string[] {
  const list = (reached: Reach['certain']) => [
    ...reached
      .slice(0, PATHS)
      .map(({ path }) => `  ${path.map(step => stepText(step, names)).join('\n      → ')}`),
    ...(reached.length > PATHS ? [`  … and ${count(reached.length - PATHS)} more (--json has all)`] : []),
  ];
  return [
    ...list(certain),
    ...(possible.length === 0
      ? []
      : [colour('bold', '\nPerhaps, because some facts are not seen:'), ...list(possible)]),
  ];
}

/** @param advice the confinement of the process, where the reach has it and it cuts anything */
export function reachText(
  reach: Reach,
  advice: Advice | null,
  { processes }: Snapshot,
  width: number,
): string {
  const { from, scope, confined } = reach;
  const names = new Map(processes.map(({ pid, comm }) => [pid, comm]));
  const who = `${from} ${shownName(names.get(from) ?? null)}`;
  const lines = [
    `From ${who}, ${atScope(scope)}, an attacker reaches ${boundsText(reach)}`,
    ...pathsText(reach, names),
    ...(confined === null
      ? []
      : [
          `\n${colour('bold', `If it had been started confined (tracegate run --confine), an attacker would reach ${boundsText(confined)}`)}`,
          ...pathsText(confined, names),
        ]),
  ];
  return [
    wrapped(lines.join('\n'), width),
    ...(advice === null
      ? []
      : [`\n  ${changeText(advice, counted(advice.cuts, 'process', 'processes'), width)}`]),
  ].join('\n');
}

export function fleetText({ hosts, failed }: Fleet, width: number): string {
  const rows = hosts.map(host => [
    `${shownName(host.name)}${host.isWhole ? '' : ' (a part)'}`,
    `${host.scope}`,
    ...SCOPES.map(scope => bounds(host.edgesByScope[scope], host.possibleEdgesByScope[scope])),
    secretsText(host),
  ]);
  const head = ['HOST', 'SCOPE', 'EDGES AT 0', 'AT 1', 'AT 2', 'AT 3', 'EXPOSED PROGRAMS THAT KEEP SECRETS'];
  const failures = failed.map(({ because }) =>
    wrapped(colour('red', `not read: ${printable(because)}`), width),
  );
  return [table([head.map(word => colour('bold', word)), ...rows]), ...failures].join('\n');
}

export function diffText({ before, after, ...changes }: MapDiff): string {
  const side = ({ name, takenAt, scope, edges, traceable }: MapDiff['before']) => [
    `${printable(name)}, ${printable(takenAt)}`,
    scopeText(scope),
    counted(traceable, 'process', 'processes'),
    `${bounds(edges.certain, edges.possible)} edges`,
  ];
  const number = (bound: { certain: number; possible: number } | null) =>
    bound === null ? 'not there' : bounds(bound.certain, bound.possible);
  const rows = (programs: MapDiff['moreExposed']) =>
    table(
      programs
        .slice(0, SHOWN)
        .map(one => [
          `  ${shownName(one.comm)}`,
          userName(one.uid),
          `${number(one.before)} → ${number(one.after)}`,
        ]),
    );
  const part = (title: string, programs: MapDiff['moreExposed']) =>
    programs.length === 0 ? [] : [`\n${colour('bold', `${title} (${programs.length})`)}`, rows(programs)];
  const ptraceCapable = (title: string, list: MapDiff['newPtraceCapable']) =>
    list.length === 0
      ? []
      : [
          `\n${colour('bold', title)}`,
          `  ${list.map(({ comm, uid }) => `${shownName(comm)} (${userName(uid)})`).join(', ')}`,
        ];
  return [
    table([
      ['before', ...side(before)],
      ['after', ...side(after)],
    ]),
    ...part('More may trace them now', changes.moreExposed),
    ...part('Fewer may trace them now', changes.lessExposed),
    ...ptraceCapable('New with CAP_SYS_PTRACE over everything', changes.newPtraceCapable),
    ...ptraceCapable('Gone with it', changes.gonePtraceCapable),
  ].join('\n');
}
