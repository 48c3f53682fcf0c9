import { closeSync, openSync, readSync } from 'node:fs';
import { TracegateError } from '../errors.js';
import type { HostFacts, Snapshot } from '../kernel/host.js';
import type { NodeExposure } from '../kernel/node-exposure.js';
import { isSystemError } from '../kernel/proc-files.js';
import type { ProcessFacts, SeenIds } from '../kernel/process-facts.js';
import { type Validator, validators } from '../schema-validators.js';
import { SCHEMA_VERSIONS } from '../schema-versions.js';

/*
 * A snapshot in a file: NDJSON with a line for the host and a line for each process, by schemas/snapshot.schema.json. A file may
 * come from anywhere: it may be cut off, of another version, or malicious.
 */

const SCHEMA_VERSION = SCHEMA_VERSIONS.snapshot;

interface HostLine extends HostFacts {
  type: 'host';
  schemaVersion: typeof SCHEMA_VERSION;
  name: string;
  takenAt: string;
  processCount: number;
}

interface ProcessLine extends ProcessFacts {
  type: 'process';
  node: NodeExposure | null;
}

/**
 * Formats a snapshot as lines, each with its line feed: NDJSON as schemas/snapshot.schema.json describes it.
 *
 * Applies to: pure data.
 *
 * @throws nothing
 * @example
 * ```js
 * import { lines, observe } from 'tracegate/snapshot';
 *
 * const [host] = lines({ ...observe(), name: 'web-1' });
 * console.log(JSON.parse(host).name); // web-1
 * ```
 */
export function* snapshotLines({ host, processes, nodes, name, takenAt }: Snapshot): Generator<string> {
  const first: HostLine = {
    type: 'host',
    schemaVersion: SCHEMA_VERSION,
    name,
    takenAt,
    processCount: processes.length,
    ...host,
  };
  yield `${JSON.stringify(first)}\n`;
  for (const facts of processes) {
    const line: ProcessLine = { type: 'process', ...facts, node: nodes.get(facts.pid) ?? null };
    yield `${JSON.stringify(line)}\n`;
  }
}

const failed = (file: string, what: string, cause?: unknown) =>
  new TracegateError('ERR_TRACEGATE_SNAPSHOT', `snapshot ${JSON.stringify(file)}: ${what}`, { cause });

/** Bytes; no line of a real process is that long. */
const LONGEST_LINE = 1 << 20;
const PIECE = 1 << 20;

const PAUSE_MS = 5;

/** Reads, and tries again after EAGAIN. Another holder of standard input may have set O_NONBLOCK on it. */
function readPiece(fd: number, buffer: Buffer, at: number): number {
  for (;;) {
    try {
      return readSync(fd, buffer, at, PIECE, null);
    } catch (error) {
      if (!isSystemError(error) || error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}

/** Splits a file into lines. Pieces are joined as bytes, since a piece may end inside a character. @param file `-`: standard input */
function* linesOf(file: string): Generator<string> {
  const fd = file === '-' ? 0 : openSync(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(LONGEST_LINE + PIECE);
    // The bytes at the start of the buffer are the beginning of a line.
    let rest = 0;
    for (let size = readPiece(fd, buffer, rest); size > 0; size = readPiece(fd, buffer, rest)) {
      const end = rest + size;
      const whole = buffer.subarray(0, end).lastIndexOf(0x0a) + 1;
      if (whole > 0) yield* buffer.toString('utf8', 0, whole - 1).split('\n');
      buffer.copyWithin(0, whole, end);
      rest = end - whole;
      if (rest > LONGEST_LINE) throw failed(file, 'has a line of more than a megabyte: it is no snapshot');
    }
    if (rest > 0) yield buffer.toString('utf8', 0, rest);
  } finally {
    if (file !== '-') closeSync(fd);
  }
}

interface Schemas {
  isHost: Validator<HostLine>;
  isProcess: Validator<ProcessLine>;
}

function parse(file: string, number: number, line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw failed(
      file,
      `line ${number} is no JSON: it is no snapshot of tracegate scan --ndjson, or damaged`,
      cause,
    );
  }
  if (typeof value !== 'object' || value === null) throw failed(file, `line ${number} is no JSON object`);
  return value as Record<string, unknown>;
}

function faultsOf({ errors }: Validator<unknown>): string {
  const [first] = errors ?? [];
  if (first === undefined) return 'does not fit schemas/snapshot.schema.json';
  const { instancePath, message, params } = first;
  const more = 'unevaluatedProperty' in params ? ` (${params.unevaluatedProperty})` : '';
  return `${instancePath || 'it'} ${message}${more}`;
}

function asHost(file: string, line: string, { isHost }: Schemas): HostLine {
  const value = parse(file, 1, line);
  if (value.type !== 'host')
    throw failed(file, "line 1 is not a host's: it is no snapshot of tracegate scan --ndjson");
  if (typeof value.schemaVersion === 'number' && value.schemaVersion > SCHEMA_VERSION) {
    throw failed(
      file,
      `its schemaVersion is ${value.schemaVersion}, newer than this tracegate reads (${SCHEMA_VERSION}): use a newer tracegate`,
    );
  }
  if (!isHost(value)) throw failed(file, `line 1: ${faultsOf(isHost)}`);
  return value;
}

const NONE: readonly never[] = [];

/** Shares equal values between processes, which saves memory for a snapshot of a hundred thousand lines. */
class SharedValues {
  readonly #texts = new Map<string, string>();
  readonly #ids = new Map<number | null, SeenIds>();

  text<T extends string | null>(text: T): T {
    if (text === null) return text;
    const known = this.#texts.get(text);
    if (known === undefined) this.#texts.set(text, text);
    return (known ?? text) as T;
  }

  /** Most processes have four equal ids, so one value for each real id is enough. */
  ids(ids: SeenIds): SeenIds {
    const { real, effective, saved, fs } = ids;
    const known = this.#ids.get(real);
    if (known?.effective === effective && known.saved === saved && known.fs === fs) return known;
    this.#ids.set(real, ids);
    return ids;
  }

  list<T>(list: readonly T[] | null): readonly T[] | null {
    return list?.length === 0 ? NONE : list;
  }
}

/** The facts alone of a line. Written out, because a rest pattern takes four times as long. */
const factsOf = (line: ProcessLine, shared: SharedValues): ProcessFacts => ({
  pid: line.pid,
  ppid: line.ppid,
  tgid: line.tgid,
  startTime: line.startTime,
  comm: shared.text(line.comm),
  kind: line.kind,
  capPermitted: shared.text(line.capPermitted),
  capEffective: shared.text(line.capEffective),
  capInheritable: shared.text(line.capInheritable),
  capBounding: shared.text(line.capBounding),
  seccomp: line.seccomp,
  noNewPrivs: line.noNewPrivs,
  uids: shared.ids(line.uids),
  gids: shared.ids(line.gids),
  userNs: shared.text(line.userNs),
  userNsRuledOut: line.userNsRuledOut,
  dumpable: line.dumpable,
  memoryUserNs: shared.text(line.memoryUserNs),
  tracerPid: line.tracerPid,
  tracerTgid: line.tracerTgid,
  tracedThreads: shared.list(line.tracedThreads),
  threadRights: shared.list(line.threadRights),
  threads: line.threads,
  lsmLabel: shared.text(line.lsmLabel),
  declaredTracer: line.declaredTracer,
});

async function read(file: string, lines: Generator<string>): Promise<Snapshot> {
  const first = lines.next();
  if (first.done || first.value === '') throw failed(file, 'it is empty');
  const checks = await validators<Schemas>();
  const {
    type: _,
    schemaVersion: __,
    name,
    takenAt,
    processCount,
    ...host
  } = asHost(file, first.value, checks);
  const shared = new SharedValues();
  const processes: ProcessFacts[] = [];
  const nodes = new Map<number, NodeExposure>();
  const pids = new Set<number>();
  let number = 1;
  for (const line of lines) {
    number++;
    const value = parse(file, number, line);
    if (!checks.isProcess(value)) throw failed(file, `line ${number}: ${faultsOf(checks.isProcess)}`);
    if (pids.has(value.pid)) throw failed(file, `line ${number}: a second process with pid ${value.pid}`);
    pids.add(value.pid);
    if (value.node !== null) nodes.set(value.pid, value.node);
    processes.push(factsOf(value, shared));
  }
  if (processes.length !== processCount) {
    throw failed(
      file,
      `it has ${processes.length} of its ${processCount} processes: it was cut off, or joined with another`,
    );
  }
  return { name, takenAt, host, processes, nodes };
}

/**
 * Reads a snapshot that `tracegate scan --ndjson` wrote, on this or another machine.
 *
 * Applies to: a file.
 *
 * @param file `-`: standard input
 * @throws TracegateError `ERR_TRACEGATE_SNAPSHOT` if the file can't be read, or isn't a whole snapshot of this version
 * @see docs/fleet.md
 * @example
 * ```js
 * import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { lines, observe, read } from 'tracegate/snapshot';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'snapshot-'));
 * const file = join(directory, 'web-1.ndjson');
 * const snapshot = { ...observe(), name: 'web-1' };
 * writeFileSync(file, [...lines(snapshot)].join(''));
 * const { name, processes } = await read(file);
 * console.log(name, processes.length === snapshot.processes.length); // web-1 true
 * rmSync(directory, { recursive: true });
 * ```
 */
export async function readSnapshot(file: string): Promise<Snapshot> {
  const lines = linesOf(file);
  try {
    return await read(file, lines);
  } catch (error) {
    if (isSystemError(error)) throw failed(file, error.message, error);
    throw error;
  } finally {
    // Closes the file, also if its first line is refused. A fleet may have thousands of files.
    lines.return(undefined);
  }
}
