import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { packageVersion } from '../../package-files.js';
import type { Remedy } from '../../policy/remedies/remedies.js';
import type { Limit, PairAtScope, Program, Rehearsal, RehearsedPair } from '../rehearsal.js';
import { programName } from '../rehearsal-words.js';

/** Code scanning refuses a result without a location: the setting stands for a program whose file was not seen. */
const SETTING = '/proc/sys/kernel/yama/ptrace_scope';

const locationOf = ({ path }: Program) => ({
  physicalLocation: {
    artifactLocation: { uri: pathToFileURL(path ?? SETTING).href.replace('file:///', ''), uriBaseId: 'ROOT' },
    region: { startLine: 1 },
  },
});

const fingerprint = (...parts: unknown[]): string =>
  `${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)}:1`;

const remedyText = ({ actions }: Remedy): string =>
  actions
    .map(({ who, what, command, call }) => [`${who}: ${what}`, command, call].filter(Boolean).join(': '))
    .join('; and ');

function textOf({ tracer, target, units }: RehearsedPair, at: PairAtScope): string {
  const { accesses, hosts, last, refusals, doubts } = at;
  const by = units.length === 0 ? '' : ` (${units.join(', ')})`;
  const numbers =
    last === null
      ? `${accesses.unknown} accesses`
      : `${accesses.breaks} accesses on ${hosts} hosts, the last at ${last}`;
  const why = [
    ...refusals.map(({ because, remedies: [least] }) =>
      least === undefined ? because : `${because}. Least remedy: ${remedyText(least)}`,
    ),
    ...doubts.map(({ because }) => `unknown: ${because}`),
  ];
  return `${programName(tracer)}${by} traces ${programName(target)}, ${numbers}: ${why.join('; ')}.`;
}

function pairResult(pair: RehearsedPair, at: PairAtScope, scope: PtraceScopeValue, ruleIndex: number) {
  const isBroken = at.change === 'breaks';
  return {
    ruleId: `ptrace-scope-${scope}`,
    ruleIndex,
    ...(isBroken ? { kind: 'fail', level: 'error' } : { kind: 'fail', level: 'warning' }),
    message: { text: `${isBroken ? 'Would be refused' : 'Unknown'}: ${textOf(pair, at)}` },
    locations: [locationOf(pair.tracer)],
    partialFingerprints: { primaryLocationLineHash: fingerprint(scope, pair.tracer, pair.target) },
    properties: { change: at.change, accesses: at.accesses, hosts: at.hosts },
  };
}

const limitResult = ({ kind, because, recordings }: Limit, ruleIndex: number) => ({
  ruleId: 'recording',
  ruleIndex,
  kind: 'fail',
  level: 'warning',
  message: { text: `The recordings don't prove that nothing breaks: ${kind}: ${because} (${recordings}).` },
  locations: [locationOf({ path: null, comm: null })],
  partialFingerprints: { primaryLocationLineHash: fingerprint(kind, because) },
  properties: { kind, recordings },
});

const ruleOf = (id: string, title: string, text: string, help: string) => ({
  id,
  shortDescription: { text: title },
  fullDescription: { text },
  help: { text: help },
  properties: { tags: ['security'] },
});

/** Formats the answer as SARIF 2.1.0. Each scope is a rule, and each pair of programs that it breaks, or may break, is a result. */
export function toSarif(rehearsal: Rehearsal, scopes: readonly PtraceScopeValue[]): string {
  const results = scopes.flatMap((scope, index) =>
    rehearsal.pairs.flatMap(pair => {
      const at = pair.atScope[scope];
      return at === undefined || at.change === 'unchanged' ? [] : [pairResult(pair, at, scope, index)];
    }),
  );
  const limits = rehearsal.limits
    .filter(({ hides }) => hides)
    .map(limit => limitResult(limit, scopes.length));
  const rules = scopes.map(scope =>
    ruleOf(
      `ptrace-scope-${scope}`,
      `Tracing that ptrace_scope ${scope} refuses`,
      `A recorded access that was allowed would be refused at ptrace_scope ${scope}.`,
      'docs/rehearse.md',
    ),
  );
  const recording = ruleOf(
    'recording',
    'A recording that proves no absence',
    'Accesses may be missing from the recordings.',
    'docs/rehearse.md',
  );
  const { begin, end, hosts, accesses, atScope } = rehearsal;
  const run = {
    tool: { driver: { name: 'tracegate rehearse', version: packageVersion(), rules: [...rules, recording] } },
    automationDetails: { id: 'tracegate/rehearse/' },
    originalUriBaseIds: { ROOT: { uri: 'file:///' } },
    properties: { begin, end, hosts, accesses, atScope },
    results: [...results, ...limits],
  };
  return JSON.stringify(
    { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] },
    null,
    2,
  );
}
