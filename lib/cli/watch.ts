import { fstatSync } from 'node:fs';
import { writePublicly } from '../audit/public-file.js';
import { TracegateError } from '../errors.js';
import { isSystemError } from '../kernel/proc-files.js';
import { WatchMetrics } from '../watch/metrics.js';
import type { WatchEvent, WatchFilters } from '../watch/recording.js';
import { RecordingFile } from '../watch/recording-file.js';
import { RecordingLines } from '../watch/recording-lines.js';
import { type Watch, watch } from '../watch/watch.js';
import { WholeLines } from '../watch/whole-lines.js';
import {
  type CommandBody,
  type ExitCode,
  NOT_FOUND_OUT,
  parseNumber,
  parsePid,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { describeScope } from './scope-text.js';
import { uidOf } from './users.js';
import { eventLine, WatchRows } from './watch-rows.js';
import { writeLines } from './write-output.js';

/** Where events go. */
interface Sink {
  take(event: WatchEvent): Promise<void> | void;
  end(because: string): Promise<void> | void;
}

const textOption = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};

const UNITS = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits = '', unit = ''] = /^(\d{1,12})([KMG]?)$/.exec(text) ?? [];
  const size = Number(digits) * UNITS[unit as keyof typeof UNITS];
  if (size === 0) throw new UsageError(`--rotate ${JSON.stringify(text)}: use a size such as 64M`);
  return size;
}

function countOf(values: Values, name: 'for' | 'keep', example: string): number | undefined {
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const count = parseNumber(text);
  if (count === null || count < 1 || count > 2_000_000)
    throw new UsageError(
      `--${name} ${JSON.stringify(text)}: use a number from 1 to 2000000, such as ${example}`,
    );
  return count;
}

function filtersOf(values: Values): WatchFilters {
  const [unit, program, uidText, pid] = ['unit', 'program', 'uid', 'pid'].map(name =>
    textOption(values, name),
  );
  const uid = uidText === undefined ? undefined : uidOf(uidText, '--uid');
  if (uid === null)
    throw new UsageError(`--uid ${JSON.stringify(uidText)}: use a user's name, or a number such as 1000`);
  if (unit === '' || program === '') throw new UsageError('--unit and --program need a text');
  return {
    ...(unit !== undefined && { unit }),
    ...(uid !== undefined && { uid }),
    ...(program !== undefined && { program }),
    ...(pid !== undefined && { pid: parsePid(pid) }),
    ...(values.reads === true && { reads: true }),
  };
}

/** A file gets whole lines also where the disk is full. A pipe is waited for: meanwhile the kernel's buffer counts what it loses. */
function ndjsonSink(lines: RecordingLines): Sink {
  const isFile = fstatSync(1).isFile();
  const file = isFile ? new WholeLines(1) : null;
  const write = (text: string) => (file === null ? writeLines([text]) : file.append(text));
  const begun = write(lines.begin());
  return {
    take: async event => {
      await begun;
      await write(lines.of(event));
    },
    end: because => write(lines.stop(because)),
  };
}

/** A table is drawn at most this often, and only after an event. */
const REDRAW = 250;

function tableSink(hasDetails: boolean): Sink {
  const rows = new WatchRows();
  let drawn = 0;
  let timer: NodeJS.Timeout | null = null;
  const draw = () => {
    timer = null;
    const text = rows.text(Math.max(3, (process.stdout.rows || 24) - 6), hasDetails);
    process.stdout.write(`${drawn > 0 ? `\x1b[${drawn}F\x1b[J` : ''}${text}\n`);
    drawn = text.split('\n').length;
  };
  draw();
  return {
    take: event => {
      rows.take(event);
      timer ??= setTimeout(draw, REDRAW);
    },
    end: () => {
      if (timer !== null) clearTimeout(timer);
      draw();
    },
  };
}

/** The textfile collector reads every 15 seconds or less often. */
const METRICS_PERIOD = 10_000;

function metricsSink(path: string, source: string): Sink {
  const metrics = new WatchMetrics(source);
  let timer: NodeJS.Timeout | null = null;
  const write = (isRunning: boolean) => {
    try {
      writePublicly(path, metrics.text(isRunning));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new TracegateError(
        'ERR_TRACEGATE_RECORDING',
        `--metrics ${JSON.stringify(path)}: ${error.message}`,
      );
    }
  };
  write(true);
  return {
    take: event => {
      metrics.count(event);
      timer ??= setTimeout(() => {
        timer = null;
        write(true);
      }, METRICS_PERIOD);
    },
    end: () => {
      if (timer !== null) clearTimeout(timer);
      write(false);
    },
  };
}

function sinksOf(watching: Watch, filters: WatchFilters, values: Values): Sink[] {
  const head = { source: watching.source, filters };
  const sinks: Sink[] = [];
  const out = textOption(values, 'out');
  const rotateAt = sizeOf(textOption(values, 'rotate'));
  const keep = countOf(values, 'keep', '10');
  if (out !== undefined) {
    const file = new RecordingFile(out, head, {
      ...(rotateAt !== undefined && { rotateAt }),
      ...(keep !== undefined && { keep }),
    });
    sinks.push({ take: event => file.write(event), end: because => file.end(because) });
  }
  const metrics = textOption(values, 'metrics');
  if (metrics !== undefined) sinks.push(metricsSink(metrics, head.source.name));
  if (values.ndjson) sinks.push(ndjsonSink(new RecordingLines(head)));
  else if (process.stdout.isTTY) sinks.push(tableSink(values.details === true));
  else if (out === undefined)
    sinks.push({ take: event => writeLines([`${eventLine(event)}\n`]), end: () => {} });
  return sinks;
}

const isReadersEnd = (error: unknown): boolean => isSystemError(error) && error.code === 'EPIPE';

/** The time in which what the kernel has reported before the end is still taken, in milliseconds. */
const LAST_EVENTS = 100;

/** Ends the watch at a signal, at the time limit, and when the reader of standard output has ended. */
function endings(
  watching: Watch,
  seconds: number | undefined,
): { because(): string; ended: Promise<void>; clear(): void } {
  let because: string | null = null;
  let settle: () => void;
  const ended = new Promise<void>(resolve => {
    settle = resolve;
  });
  const close = () => {
    watching.close();
    settle();
  };
  const end = (reason: string) => {
    if (because !== null) return;
    because = reason;
    setTimeout(close, LAST_EVENTS);
  };
  const signals = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(
    signal => [signal, () => end(signal)] as const,
  );
  for (const [signal, listener] of signals) process.once(signal, listener);
  const onError = (error: Error) => {
    if (!isReadersEnd(error)) return;
    because ??= 'the reader has ended';
    close();
  };
  process.stdout.on('error', onError);
  const timer = seconds === undefined ? undefined : setTimeout(end, seconds * 1000, 'the time is over');
  return {
    because: () => because ?? 'the source has ended',
    ended,
    clear: () => {
      clearTimeout(timer);
      for (const [signal, listener] of signals) process.off(signal, listener);
    },
  };
}

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length > 0)
    throw new UsageError('watch takes no argument: for one process use tracegate watch --pid PID');
  if (values.out === undefined && (values.rotate !== undefined || values.keep !== undefined))
    throw new UsageError('--rotate and --keep are for --out FILE');
  if (values.keep !== undefined && values.rotate === undefined)
    throw new UsageError('--keep is for --rotate SIZE');
  const filters = filtersOf(values);
  const seconds = countOf(values, 'for', '3600');
  sizeOf(textOption(values, 'rotate'));
  countOf(values, 'keep', '10');
  const watching = watch(filters);
  const { source } = watching;
  const ending = endings(watching, seconds);
  const sinks: Sink[] = [];
  try {
    console.error(`ptrace_scope ${describeScope(watching.scope)}`);
    console.error(
      `watching by ${source.name}${source.blind.length === 0 ? '' : `, which does not see: ${source.blind.join('; ')}`}`,
    );
    sinks.push(...sinksOf(watching, filters, values));
    for await (const event of watching) {
      // A reader that takes nothing must not keep a signal from ending the watch.
      for (const sink of sinks) await Promise.race([sink.take(event), ending.ended]);
    }
    for (const sink of sinks) await Promise.race([sink.end(ending.because()), Promise.resolve()]);
  } catch (error) {
    if (!isReadersEnd(error)) throw error;
  } finally {
    watching.close();
    ending.clear();
  }
  return 0;
}

export const watchCommand: CommandBody = {
  details: [
    'It follows each access to another process that the tracing rules decide, as the kernel reports it, and polls nothing. It needs root. The first lines say what the source of this kernel does not see.',
    'On a terminal: a row for each pair of programs and way, with the number of accesses and the verdict at ptrace_scope 0 1 2 3: a check mark for allowed, a cross for refused, a question mark for unknown. Otherwise: a line for each access.',
    'tracegate watch --out FILE records. Each file is whole by itself. An existing FILE is renamed to FILE.TIME. tracegate rehearse FILE* then shows what a stricter ptrace_scope would have refused.',
    'Ctrl-C and SIGTERM end it with a complete recording.',
  ],
  exitCodes: [
    ['0', 'ended as asked: by a signal, by --for, or by the end of its reader'],
    USAGE,
    NOT_FOUND_OUT,
  ],
  isTextOnly: true,
  options: {
    ndjson: { type: 'boolean', help: 'a recording on standard output (schemas/watch.schema.json)' },
    out: { type: 'string', value: 'FILE', help: 'record into this file' },
    rotate: {
      type: 'string',
      value: 'SIZE',
      help: 'begin a new file at this size, such as 64M; the old one is FILE.TIME',
    },
    keep: { type: 'string', value: 'NUMBER', help: 'with --rotate: keep so many old files; all by default' },
    for: { type: 'string', value: 'SECONDS', help: 'end after this time' },
    metrics: { type: 'string', value: 'FILE', help: "counts for node_exporter's textfile collector" },
    unit: {
      type: 'string',
      value: 'TEXT',
      help: 'only accesses by or to a systemd service or container whose name contains this',
    },
    uid: {
      type: 'string',
      value: 'USER',
      help: 'only accesses by or to processes of this effective uid, or of the user with this name',
    },
    program: {
      type: 'string',
      value: 'TEXT',
      help: 'only accesses by or to programs whose path or name contains this',
    },
    pid: { type: 'string', value: 'PID', help: 'only accesses by or to this process' },
    reads: { type: 'boolean', help: 'also accesses that only read files of /proc, such as environ and maps' },
    details: { type: 'boolean', help: 'in the table: why a scope refuses, and the least remedy' },
  },
  run,
};
