import { constants } from 'node:os';
import { SyscallError, TracegateError } from '../errors.js';
import type { Snapshot } from '../kernel/host.js';
import type { PtraceScopeValue } from '../kernel/ptrace-scope.js';
import { toDot } from '../map/formats/dot.js';
import { type Fleet, fleetHost, fleetPage, worstFirst } from '../map/formats/fleet.js';
import { htmlPage } from '../map/formats/html.js';
import { toMermaid } from '../map/formats/mermaid.js';
import { mapLines } from '../map/formats/ndjson.js';
import { toSvg } from '../map/formats/svg.js';
import { confiningAdvice } from '../map/graph/advice.js';
import { diffHosts } from '../map/graph/diff.js';
import { mapHost } from '../map/graph/map-host.js';
import type { HostMap } from '../map/graph/map-types.js';
import { readSnapshot } from '../map/snapshot-file.js';
import { reach } from '../policy/reach/reach.js';
import {
  type CommandBody,
  type ExitCode,
  NAMES,
  parseScope,
  SCOPES,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { assertConfinable } from './confinable.js';
import { diffText, fleetText, mapText, reachText } from './map-text.js';
import { asJson, printable, textFor, textWidth } from './output.js';
import { filesOf } from './patterns.js';
import { pidOf } from './processes.js';
import { snapshotFrom } from './snapshots.js';
import { writeLines, writeOutput } from './write-output.js';

const FORMATS: Record<string, (map: HostMap, width: number) => string> = {
  human: mapText,
  json: map => asJson('map', map),
  dot: toDot,
  mermaid: toMermaid,
  svg: toSvg,
};

const put = (text: string, output?: string) => writeOutput(text, output, 'ERR_TRACEGATE_SNAPSHOT');
const putText = (text: string, output?: string) => put(textFor(output, text), output);
const putPage = (page: string, file: string) => writeOutput(page, file, 'ERR_TRACEGATE_SNAPSHOT', '--html');

const textOption = (values: Values, name: string): string | undefined =>
  typeof values[name] === 'string' ? values[name] : undefined;

/** A file has lines of any length. */
const widthOf = ({ output }: Values): number =>
  output === undefined ? textWidth() : Number.POSITIVE_INFINITY;

const formatOf = (values: Values): string =>
  values.json ? 'json' : (textOption(values, 'format') ?? 'human');

const scopeFrom = (values: Values): { scope?: PtraceScopeValue } => {
  const scope = textOption(values, 'scope');
  return scope === undefined ? {} : { scope: parseScope(scope) };
};

function only(values: Values, what: string, ...allowed: string[]): void {
  const known = ['json', 'scope', 'snapshot', 'output', ...allowed];
  const other = Object.keys(values).find(name => values[name] !== undefined && !known.includes(name));
  if (other !== undefined) throw new UsageError(`${what} takes no --${other}: leave it out`);
}

const { ESRCH } = constants.errno;

/** A pid without a process in the snapshot belongs to a process that ended, or never existed. */
function assertThere({ processes }: Snapshot, pid: number, file: string | undefined): void {
  const found = processes.find(facts => facts.pid === pid);
  if (found !== undefined && found.kind !== 'kernel-thread' && found.kind !== 'zombie') return;
  if (found !== undefined)
    throw new UsageError(
      `--from ${pid}: it is a ${found.kind}, in which no program runs: give the pid of another process`,
    );
  if (file === undefined)
    throw new SyscallError(ESRCH, { syscall: 'open', pid, because: `no process has pid ${pid}` });
  throw new UsageError(
    `--from ${pid}: the snapshot has no such process (tracegate scan --snapshot ${file} lists them)`,
  );
}

/** Exit code 1 if a process is reached; with --confined: if one still is. */
async function mapFrom(values: Values): Promise<ExitCode> {
  only(values, '--from', 'from', 'confined', 'format');
  const format = formatOf(values);
  if (format !== 'human' && format !== 'json') throw new UsageError('--from takes --format human or json');
  const word = textOption(values, 'from') ?? '';
  const file = textOption(values, 'snapshot');
  const as = { json: format === 'json' };
  const here = file === undefined ? pidOf(word, as) : null;
  const snapshot = await snapshotFrom(file);
  const pid = here ?? pidOf(word, as, snapshot);
  assertThere(snapshot, pid, file);
  const confined = values.confined === true;
  if (confined) assertConfinable(snapshot.host);
  const found = reach(snapshot, pid, { ...scopeFrom(values), confined });
  const comm = snapshot.processes.find(facts => facts.pid === pid)?.comm ?? null;
  const advice = confiningAdvice(found, comm);
  const output = textOption(values, 'output');
  if (format === 'json') put(asJson('reach', { ...found, advice: advice === null ? [] : [advice] }), output);
  else putText(reachText(found, advice, snapshot, widthOf(values)), output);
  const { certain, possible } = found.confined ?? found;
  if (certain.length > 0) return 1;
  return possible.length > 0 ? 3 : 0;
}

/** A snapshot from its file; or, for a number, the given snapshot or this host at that scope. */
async function side(
  operand: string,
  file: string | undefined,
  here: () => Promise<Snapshot>,
): Promise<[Snapshot, PtraceScopeValue?]> {
  if (/^\d+$/.test(operand)) return [await here(), parseScope(operand)];
  if (file !== undefined) throw new UsageError('--diff of two snapshots takes no --snapshot: leave it out');
  return [await readSnapshot(operand)];
}

async function mapDiff(operands: string[], values: Values): Promise<ExitCode> {
  only(values, '--diff', 'diff', 'format');
  const format = formatOf(values);
  const [before, after, ...more] = operands;
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError(
      '--diff compares two: tracegate map --diff BEFORE.ndjson AFTER.ndjson, or --diff 0 1',
    );
  if (format !== 'human' && format !== 'json') throw new UsageError('--diff takes --format human or json');
  if (values.scope !== undefined)
    throw new UsageError('--diff takes no --scope: to compare scopes use --diff 0 1');
  const file = textOption(values, 'snapshot');
  let taken: Snapshot | undefined;
  const here = async () => {
    taken ??= await snapshotFrom(file);
    return taken;
  };
  const diff = diffHosts(await side(before, file, here), await side(after, file, here));
  const output = textOption(values, 'output');
  if (format === 'json') put(asJson('diff', diff), output);
  else putText(diffText(diff), output);
  return 0;
}

async function fleetOf(files: readonly string[], values: Values): Promise<Fleet> {
  const fleet: Fleet = { hosts: [], failed: [] };
  for (const file of files) {
    try {
      fleet.hosts.push(fleetHost(file, mapHost(await readSnapshot(file), scopeFrom(values))));
    } catch (error) {
      if (!(error instanceof TracegateError)) throw error;
      fleet.failed.push({ file, because: error.message });
    }
  }
  return { ...fleet, hosts: worstFirst(fleet.hosts) };
}

/** Whether text is printed. With --html alone, the page is the whole answer. */
function isTextAsked(values: Values): boolean {
  if (values.html === undefined || values.json || values.format !== undefined) return true;
  if (values.output !== undefined)
    throw new UsageError(
      '--output beside --html needs --json or --format: --html itself names the file of the page',
    );
  return false;
}

async function mapFleet(files: readonly string[], values: Values): Promise<ExitCode> {
  only(values, 'A map of many hosts', 'html', 'format');
  const format = formatOf(values);
  if (format !== 'human' && format !== 'json')
    throw new UsageError('a map of many hosts takes --format human, json or ndjson, or --html');
  const html = textOption(values, 'html');
  const isAsked = isTextAsked(values);
  const fleet = await fleetOf(files, values);
  if (html !== undefined) putPage(fleetPage(fleet), html);
  if (isAsked) {
    const output = textOption(values, 'output');
    if (format === 'json') put(asJson('fleet', fleet), output);
    else putText(fleetText(fleet, widthOf(values)), output);
  }
  return fleet.failed.length > 0 ? 3 : 0;
}

/** Maps one host after another, so that the number of hosts doesn't matter for the memory. */
async function mapAsLines(files: readonly (string | undefined)[], values: Values): Promise<ExitCode> {
  only(values, '--format ndjson', 'format');
  const output = textOption(values, 'output');
  const kept: string[] = [];
  let code: ExitCode = 0;
  for (const file of files) {
    try {
      const lines = mapLines(await snapshotFrom(file), file ?? '', scopeFrom(values));
      if (output === undefined) await writeLines(lines);
      else kept.push(...lines);
    } catch (error) {
      if (!(error instanceof TracegateError)) throw error;
      console.error(`tracegate: ${printable(error.message)}`);
      code = 3;
    }
  }
  if (output !== undefined) put(kept.join(''), output);
  return code;
}

async function mapOne(values: Values): Promise<ExitCode> {
  only(values, 'A map', 'html', 'format');
  const format = formatOf(values);
  const html = textOption(values, 'html');
  const isAsked = isTextAsked(values);
  const snapshot = await snapshotFrom(textOption(values, 'snapshot'));
  const map = mapHost(snapshot, scopeFrom(values));
  if (html !== undefined) putPage(htmlPage(snapshot, map), html);
  const text = FORMATS[format]?.(map, widthOf(values)) ?? '';
  if (isAsked) (format === 'human' ? putText : put)(text, textOption(values, 'output'));
  return 0;
}

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (values.diff) return mapDiff(operands, values);
  if (operands.length > 0)
    throw new UsageError(
      'map takes arguments only with --diff: use tracegate map --snapshot FILE, or --from PID',
    );
  if (values.confined && values.from === undefined)
    throw new UsageError('--confined is about one process: tracegate map --from PID --confined');
  if (values.from !== undefined) return mapFrom(values);
  const pattern = textOption(values, 'snapshot');
  const files =
    pattern === undefined
      ? []
      : await filesOf(
          pattern,
          `--snapshot ${JSON.stringify(pattern)}`,
          'tracegate scan --ndjson writes snapshots',
        );
  if (formatOf(values) === 'ndjson') return mapAsLines(files.length > 0 ? files : [pattern], values);
  return files.length > 0 ? mapFleet(files, values) : mapOne(values);
}

export const mapCommand: CommandBody = {
  details: [
    'An edge is a pair of processes of which the first may trace the second. Where a fact is not seen, a count has two bounds.',
    "--snapshot 'hosts/*.ndjson' compares many hosts, the worst first; --diff compares two snapshots, or two scopes (--diff 0 1).",
    NAMES,
  ],
  exitCodes: [
    ['0', 'done; with --from: no other process is reached; with --confined: no longer'],
    ['1', 'with --from: some are (with --confined: still), or there is no such process'],
    USAGE,
    ['3', 'a snapshot could not be read; with --from also: some are perhaps reached'],
  ],
  options: {
    from: {
      type: 'string',
      value: 'PID|NAME',
      help: 'the processes that an attacker in this process reaches, with the paths',
    },
    confined: {
      type: 'boolean',
      help: 'with --from: also what it would still reach if it had been started by tracegate run --confine',
    },
    scope: { type: 'string', value: 'N', words: SCOPES, help: 'as if ptrace_scope were 0, 1, 2 or 3' },
    snapshot: {
      type: 'string',
      value: 'FILE',
      help: 'a file that tracegate scan --ndjson saved; - is standard input; a quoted pattern reads many hosts',
    },
    html: {
      type: 'string',
      value: 'FILE',
      help: 'write one page that loads nothing else: picture, search, paths, tables',
    },
    format: {
      type: 'string',
      value: 'F',
      words: [...Object.keys(FORMATS), 'ndjson'],
      help: 'human (default), json, ndjson (for an engine: docs/fleet.md), dot, mermaid or svg',
    },
    output: { type: 'string', value: 'FILE', help: 'write there instead of standard output' },
    diff: { type: 'boolean', help: 'show what changes from A to B: two snapshots, or two scopes' },
  },
  run,
};
