// Makes a recording of `tracegate watch` from a seed. The verdicts of its pairs are those of the rules; what happens, and when, is
// made up.

import { scopeOf } from '../../build/modules/kernel/ptrace-scope.js';
import { checkAccess } from '../../build/modules/policy/access/access-check.js';
import { hypotheticalProcess } from '../../build/modules/policy/access/hypothetical.js';
import { remedies } from '../../build/modules/policy/remedies/remedies.js';
import { random, syntheticHost } from './synthetic-host.mjs';

/** @typedef {import('../../lib/watch/recording.js').RecordedPair} RecordedPair */
/** @typedef {import('../../lib/watch/recording.js').ScopeVerdict} ScopeVerdict */
/** @typedef {import('../../lib/watch/recording.js').Side} Side */
/** @typedef {import('../../lib/kernel/ptrace-scope.js').PtraceScopeValue} PtraceScopeValue */

/**
 * @typedef {object} RecordingOptions
 * @property {number} seed
 * @property {number} events accesses, and ends of attachments
 * @property {string} [hostname]
 * @property {string} [machineId]
 * @property {number} [begin] milliseconds since the epoch
 * @property {PtraceScopeValue} [scope] at which it was recorded
 * @property {number} [pairs]
 * @property {import('../../lib/watch/recording.js').WatchSource} [source]
 * @property {import('../../lib/watch/recording.js').WatchFilters} [filters]
 * @property {string | null} [stopped] null: without a last line
 */

const TRACERS = [
  '/usr/bin/gdb',
  '/usr/bin/strace',
  '/usr/bin/py-spy',
  '/usr/bin/gcore',
  '/opt/crashpad_handler',
  '/usr/bin/rr',
  null,
];
const TARGETS = [
  '/usr/sbin/nginx',
  '/usr/bin/node',
  '/usr/bin/python3.11',
  '/usr/lib/postgresql/15/bin/postgres',
  '/usr/bin/bash',
  '/opt/app/server',
  null,
];
const WAYS = /** @type {const} */ ([
  ['attach', 'attach', 0x12],
  ['seize', 'attach', 0x12],
  ['traceme', 'traceme', 0x12],
  ['process_vm_readv', 'vm-read', 0x12],
  ['mem', 'mem', 0x0a],
  ['pidfd_getfd', 'getfd', 0x12],
  ['kcmp', 'kcmp', 0x11],
]);
const BEGIN = Date.UTC(2026, 0, 5);
const SCOPES = /** @type {const} */ ([0, 1, 2, 3]);

/** @param {string | null} path */
const nameOf = path => (path ?? 'short-lived').split('/').at(-1)?.slice(0, 15) ?? '';

/** @template T @param {readonly T[]} list @param {number} number of [0, 1) */
const pick = (list, number) => /** @type {T} */ (list[Math.floor(number * list.length)]);

/**
 * @param {() => number} next
 * @param {number} id
 * @param {PtraceScopeValue} scope
 * @param {import('../../lib/kernel/host.js').HostFacts} host
 * @returns {RecordedPair}
 */
function pairOf(next, id, scope, host) {
  const [tracerPath, targetPath] = [pick(TRACERS, next()), pick(TARGETS, next())];
  const [way, mode, bits] = pick(WAYS, next());
  const isRelated = way === 'traceme' || next() < 0.3;
  const capabilities = next() < 0.2 ? /** @type {const} */ (['CAP_SYS_PTRACE']) : [];
  const ids = { uid: 1000, gid: 1000, userNs: host.observedAs.userNs };
  const [tracerPid, targetPid] = [1000 + 2 * id, 1001 + 2 * id];
  const declared = way === 'traceme' || isRelated ? false : pick([true, false, null], next());
  const tracer = {
    ...hypotheticalProcess({ ...ids, capabilities }),
    pid: tracerPid,
    tgid: tracerPid,
    comm: nameOf(tracerPath),
    lsmLabel: 'unconfined',
  };
  const target = {
    ...hypotheticalProcess(ids),
    ...{
      lsmLabel: 'unconfined',
      pid: targetPid,
      tgid: targetPid,
      comm: nameOf(targetPath),
      ppid: isRelated ? tracerPid : 1,
    },
    declaredTracer:
      declared === null
        ? /** @type {const} */ ('unknown')
        : declared
          ? tracerPid
          : /** @type {const} */ ('none'),
  };
  const init = { ...hypotheticalProcess({ ...ids, uid: 0, gid: 0 }), pid: 1, tgid: 1, ppid: 0 };
  const processes = [init, tracer, target];
  const scopes = SCOPES.map(at => {
    const there = { ...host, processes, yama: scopeOf(at) };
    const { verdict, decidedBy, steps } = checkAccess(tracer, target, there, mode);
    const because = steps.find(({ rule }) => rule === decidedBy)?.because ?? '';
    return {
      verdict: verdict === 'denied' ? 'refused' : verdict,
      ...{ rule: decidedBy, because, remedies: remedies(tracer, target, there, mode) },
      unknown: verdict === 'unknown' ? [because] : [],
    };
  });
  /** @param {string | null} program @param {typeof tracer} facts @returns {Side} */
  const side = (program, facts) => ({
    program,
    comm: facts.comm ?? '',
    uid: 1000,
    unit: pick(['app.service', null], next()),
    facts,
  });
  return {
    ...{ event: 'pair', id, way, mode: bits, scope },
    decision: scopes[scope]?.verdict === 'refused' ? 'refused' : 'allowed',
    ...{ tracer: side(tracerPath, tracer), target: side(targetPath, target) },
    relation: isRelated ? 'descendant' : 'other',
    declared,
    scopes: /** @type {RecordedPair['scopes']} */ (scopes),
  };
}

/** Its lines, each with its line feed. @param {RecordingOptions} options @returns {Generator<string>} */
export function* recordingLines({
  seed,
  events,
  hostname = 'web-1',
  machineId = '0123456789abcdef0123456789abcdef',
  begin = BEGIN,
  scope = 0,
  pairs = 200,
  source = { name: 'bpf', blind: [] },
  filters = {},
  stopped = 'SIGINT',
}) {
  const next = random(seed);
  const { host } = syntheticHost(seed, 10);
  const line = (/** @type {object} */ event) => `${JSON.stringify(event)}\n`;
  const described = { hostname, machineId, kernel: host.kernelRelease, os: 'Debian GNU/Linux 12 (bookworm)' };
  const first = { schemaVersion: 1, time: new Date(begin).toISOString(), tracegate: '0.1.0' };
  yield line({ event: 'begin', ...first, host: described, scope, source, filters });
  const all = Array.from({ length: pairs }, (_, at) => pairOf(next, at + 1, scope, host));
  const written = new Set();
  let accesses = 0;
  for (let at = 0; at < events; at++) {
    const time = new Date(begin + at * 7).toISOString();
    // Few pairs have most of the accesses.
    const pair = pick(all, next() ** 3);
    const { id, decision, way } = pair;
    const tracer = { pid: 1000 + 2 * id, tid: 1000 + 2 * id, startTime: 5_000_000 + id };
    const target = { pid: 1001 + 2 * id, tid: 1001 + 2 * id, startTime: 5_000_100 + id };
    if ((way === 'attach' || way === 'seize') && decision === 'allowed' && next() < 0.5) {
      yield line({ event: 'end', time, tracer, target });
      continue;
    }
    if (!written.has(id)) yield line(pair);
    written.add(id);
    accesses++;
    const isFailed = decision === 'allowed' && next() < 0.01;
    const outcome = isFailed ? 'failed' : decision;
    const error = outcome === 'allowed' ? null : outcome === 'failed' ? 'ESRCH' : 'EPERM';
    yield line({ event: 'access', time, pair: id, outcome, error, tracer, target });
  }
  const time = new Date(begin + events * 7).toISOString();
  if (stopped !== null) yield line({ event: 'stop', time, because: stopped, events: accesses });
}
