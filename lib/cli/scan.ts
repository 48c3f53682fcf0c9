import type { Snapshot } from '../kernel/host.js';
import { anyTracer } from '../kernel/other-threads.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { userName } from '../map/graph/names.js';
import {
  type InspectorState,
  inspectorState,
  SCAN_STATUSES,
  type ScanStatus,
  scanStatus,
} from '../map/graph/process-status.js';
import { isWhole, PART } from '../map/graph/states.js';
import { snapshotLines } from '../map/snapshot-file.js';
import {
  type CommandBody,
  type ExitCode,
  either,
  NOT_FOUND_OUT,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { type Colour, colour, fitted, printable, printJson, table, wrapped } from './output.js';
import { isName } from './processes.js';
import { describeScope } from './scope-text.js';
import { snapshotFrom } from './snapshots.js';
import { UserNames, uidOf } from './users.js';
import { writeLines } from './write-output.js';

interface Row {
  facts: ProcessFacts;
  status: ScanStatus;
  inspector: InspectorState;
}

const byNumber = (a: number | null, b: number | null) => (a ?? -1) - (b ?? -1);

const ORDERS: Record<string, (a: Row, b: Row) => number> = {
  pid: (a, b) => a.facts.pid - b.facts.pid,
  uid: (a, b) => byNumber(a.facts.uids.effective, b.facts.uids.effective),
  status: (a, b) => SCAN_STATUSES.indexOf(a.status) - SCAN_STATUSES.indexOf(b.status),
  program: (a, b) =>
    (a.facts.comm ?? '') < (b.facts.comm ?? '') ? -1 : a.facts.comm === b.facts.comm ? 0 : 1,
};

const COLOURS: Partial<Record<ScanStatus, Colour>> = {
  'open-to-uid': 'red',
  'open-to-ancestors': 'yellow',
  closed: 'green',
  traced: 'red',
  unknown: 'yellow',
};

/** ` (alice)` after `uid 1000`; `root` is a name already. */
function named(names: UserNames | null, pid: number, uid: number | null): string {
  const name = uid === null || uid === 0 ? null : names?.nameFor(pid, uid);
  return name == null ? '' : ` (${printable(name)})`;
}

function describe({ facts, status }: Row, names: UserNames | null): string {
  const { pid, uids, gids, kind } = facts;
  const gid = gids.effective === uids.effective ? '' : `, gid ${gids.effective ?? 'not seen'}`;
  switch (status) {
    case 'open-to-uid':
      return `open to ${userName(uids.effective)}${named(names, pid, uids.effective)}${gid}`;
    case 'open-to-ancestors':
      return 'open to its ancestors';
    case 'traced':
      return `traced by ${anyTracer(facts.tracerPid, facts.tracedThreads)}`;
    case 'not-traceable':
      return kind === 'zombie' ? 'a zombie' : 'a kernel thread';
    default:
      return status;
  }
}

const INSPECTORS = { armed: 'inspector at SIGUSR1', open: 'inspector open' } as const;

function tableRow(row: Row, names: UserNames | null): string[] {
  const { pid, ppid, uids, comm } = row.facts;
  return [
    `${pid}`,
    `${ppid ?? '?'}`,
    `${uids.effective ?? '?'}`,
    colour(COLOURS[row.status] ?? 'dim', describe(row, names)),
    row.inspector === null ? '' : colour('yellow', INSPECTORS[row.inspector]),
    comm === null ? '(not seen)' : printable(comm),
  ];
}

function summary(snapshot: Snapshot, rows: readonly Row[], all: readonly Row[]): string {
  const counts = SCAN_STATUSES.map(
    status => [all.filter(row => row.status === status).length, status] as const,
  )
    .filter(([count, status]) => count > 0 && status !== 'not-traceable')
    .map(([count, status]) => `${count} ${status}`);
  const armed = all.filter(({ inspector }) => inspector !== null).length;
  const shown = rows.length === all.length ? '' : ` (${rows.length} shown)`;
  return [
    `${printable(snapshot.name)}, ${snapshot.processes.length} processes${shown}: ${counts.join(', ')}${armed > 0 ? `; ${armed} with Node's inspector armed or open` : ''}`,
    `ptrace_scope ${describeScope(snapshot.host.yama)}`,
    ...(isWhole(snapshot) ? [] : [colour('yellow', PART)]),
  ].join('\n');
}

const optionOf = (values: Values, name: string): string | null => {
  const value = values[name];
  return typeof value === 'string' ? value : null;
};

function selectedUid(values: Values): number | null {
  const text = optionOf(values, 'uid');
  if (text === null) return null;
  if (values.snapshot !== undefined && isName(text))
    throw new UsageError(
      `--uid ${JSON.stringify(text)} with --snapshot: use a number, since names are those of this machine`,
    );
  const uid = uidOf(text, '--uid');
  if (uid === null)
    throw new UsageError(`--uid ${JSON.stringify(text)}: use a user's name, or a number such as 1000`);
  return uid;
}

const STATUSES = [...SCAN_STATUSES, 'inspector'];

function selection(values: Values): (row: Row) => boolean {
  const status = optionOf(values, 'status');
  const uid = selectedUid(values);
  const program = optionOf(values, 'program');
  return row =>
    (values.all === true || status === 'not-traceable' || row.status !== 'not-traceable') &&
    (status === null || (status === 'inspector' ? row.inspector !== null : row.status === status)) &&
    (uid === null || row.facts.uids.effective === uid) &&
    (program === null || (row.facts.comm ?? '').includes(program));
}

function jsonOf({ name, takenAt, host, processes, nodes }: Snapshot, rows: readonly Row[]): object {
  return {
    name,
    takenAt,
    host,
    processCount: processes.length,
    processes: rows.map(({ facts, status, inspector }) => ({
      ...facts,
      node: nodes.get(facts.pid) ?? null,
      status,
      inspector,
    })),
  };
}

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length > 0)
    throw new UsageError('scan takes no argument: for one process use tracegate status PID');
  if (values.json && values.ndjson) throw new UsageError('--json and --ndjson: choose one');
  const isSelected = selection(values);
  const sort = optionOf(values, 'sort') ?? 'pid';
  const filters = ['status', 'uid', 'program', 'sort', 'all'].filter(name => values[name] !== undefined);
  if (values.ndjson && filters.length > 0)
    throw new UsageError(`--ndjson saves the whole snapshot: leave out --${filters.join(', --')}`);
  const snapshot = await snapshotFrom(values.snapshot);
  if (values.ndjson) {
    await writeLines(snapshotLines(snapshot));
    return 0;
  }
  const all = snapshot.processes.map(facts => ({
    facts,
    status: scanStatus(facts, snapshot.host.yama),
    inspector: inspectorState(snapshot, facts.pid),
  }));
  const rows = all.filter(isSelected).sort(ORDERS[sort]);
  if (values.json) printJson('scan', jsonOf(snapshot, rows));
  else {
    console.log(wrapped(summary(snapshot, rows, all)));
    if (rows.length > 0) {
      // The users of a snapshot are those of another machine.
      const names = values.snapshot === undefined ? new UserNames() : null;
      const head = ['PID', 'PPID', 'UID', 'TRACING', ''];
      console.log(
        `\n${fitted(table([[...head.map(word => colour('bold', word)), 'PROGRAM'], ...rows.map(row => tableRow(row, names))]))}`,
      );
    }
  }
  return 0;
}

export const scanCommand: CommandBody = {
  details: [
    'It looks from outside and changes nothing. As root it sees everything; facts that it may not read are unknown.',
    'Kernel threads and zombies cannot be traced; --all lists them too.',
    'tracegate scan --ndjson > HOST.ndjson saves a snapshot, which --snapshot reads on any machine. It holds the names of programs, but no command lines or environments.',
  ],
  exitCodes: [['0', 'done'], USAGE, NOT_FOUND_OUT],
  options: {
    ndjson: {
      type: 'boolean',
      help: 'the snapshot: the host, then a process a line (schemas/snapshot.schema.json)',
    },
    snapshot: { type: 'string', value: 'FILE', help: 'read a saved snapshot; - is standard input' },
    sort: {
      type: 'string',
      value: 'BY',
      words: Object.keys(ORDERS),
      help: 'pid (default), uid, status or program',
    },
    status: { type: 'string', value: 'S', words: STATUSES, help: `only ${either(STATUSES)}` },
    uid: {
      type: 'string',
      value: 'USER',
      help: 'only processes of this effective uid, or of the user with this name',
    },
    program: { type: 'string', value: 'TEXT', help: 'only programs whose name contains this' },
    all: { type: 'boolean', help: 'list kernel threads and zombies too' },
  },
  run,
};
