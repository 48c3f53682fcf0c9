import { explainCoreDump } from '../explain/core-dump.js';
import { coreDumpText } from '../explain/core-dump-text.js';
import { type ExplainOptions, type Explanation, explainSync } from '../explain/explain.js';
import { type Emphasis, explanationText } from '../explain/text.js';
import { ACCESS_MODES, type AccessMode } from '../policy/access/access-mode.js';
import {
  type CommandBody,
  type ExitCode,
  NAMES,
  NOT_FOUND_OUT,
  parseScope,
  SCOPES,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { assertConfinable } from './confinable.js';
import { type Colour, colour, printJson, textWidth, wrapped } from './output.js';
import { pidOf } from './processes.js';

const COLOURS: Record<Emphasis, Colour> = {
  good: 'green',
  bad: 'red',
  open: 'yellow',
  faint: 'dim',
  strong: 'bold',
};

const EXIT_CODES: Record<Explanation['answer'], ExitCode> = { allowed: 0, denied: 1, unknown: 3 };

const textOf = (value: Values[string]) => (typeof value === 'string' ? value : undefined);

const paint = (emphasis: Emphasis, text: string) => colour(COLOURS[emphasis], text);

/** Where there is no terminal. */
const COLUMNS = 100;

/** The text is broken at that width already, except its headline. */
function print(text: string): void {
  const end = text.indexOf('\n');
  console.log(wrapped(text.slice(0, end)) + text.slice(end));
}

/** A core dump has no tracer, and Yama's ptrace_scope has no effect on it. */
function runCore(operands: string[], values: Values): ExitCode {
  const foreign = ['tracer', 'debugger', 'scope', 'confined'].find(name => values[name] !== undefined);
  if (foreign !== undefined) {
    const because =
      foreign === 'scope' ? 'ptrace_scope does not apply to core dumps' : 'a core dump has no tracer';
    throw new UsageError(`--mode core takes no --${foreign}: ${because}; leave --${foreign} out`);
  }
  const [operand, ...more] = operands;
  if (operand === undefined)
    throw new UsageError('--mode core needs a PID: tracegate explain --mode core PID');
  if (more.length > 0) throw new UsageError('explain takes one PID');
  const explanation = explainCoreDump(pidOf(operand, values));
  if (values.json) printJson('core', explanation);
  else print(coreDumpText(explanation, { paint, width: textWidth(COLUMNS), steps: values.steps === true }));
  return EXIT_CODES[explanation.answer];
}

function run(operands: string[], values: Values): ExitCode {
  const mode = (textOf(values.mode) ?? 'attach') as AccessMode | 'core';
  if (mode === 'core') return runCore(operands, values);
  const tracer = textOf(values.tracer);
  const scope = textOf(values.scope);
  const program = textOf(values.debugger);
  const options: ExplainOptions = {
    mode,
    hypotheticalTracer: true,
    ...(tracer !== undefined && { tracer: tracer === 'stranger' ? tracer : pidOf(tracer, values) }),
    ...(program !== undefined && { debugger: program }),
    ...(scope !== undefined && { scope: parseScope(scope) }),
    ...(values.confined === true && { confined: true }),
  };
  const [operand, ...more] = operands;
  if (more.length > 0) throw new UsageError('explain takes one PID: for many use `tracegate probe PID…`');
  if (operand === undefined && (mode !== 'traceme' || options.tracer === 'stranger')) {
    throw new UsageError('explain needs a PID: tracegate explain PID');
  }
  // Without a PID the target is a program that the tracer, or this process, would start.
  const starter = typeof options.tracer === 'number' ? options.tracer : process.pid;
  const explanation =
    operand === undefined
      ? explainSync(starter, { ...options, tracer: starter })
      : explainSync(pidOf(operand, values), options);
  if (values.confined) assertConfinable(explanation.facts.host);
  if (values.json) printJson('explain', explanation);
  else {
    print(
      explanationText(explanation, {
        paint,
        width: textWidth(COLUMNS),
        steps: values.steps === true,
        self: `you (uid ${process.getuid?.()})`,
      }),
    );
  }
  return EXIT_CODES[explanation.answer];
}

export const explainCommand: CommandBody = {
  details: [
    'It has no side effects on the target. Without a PID, --mode traceme asks whether `gdb PROGRAM` would work.',
    '--mode core asks whether the process leaves a core dump if it crashes now, and which user or program gets it.',
    '--debugger gdb asks for gdb as you would start it: its set-id bits and file capabilities count.',
    NAMES,
  ],
  exitCodes: [
    ['0', 'allowed; with --mode core: it leaves a core'],
    ['1', 'denied, or there is no such process; with --mode core: it leaves none'],
    USAGE,
    NOT_FOUND_OUT,
  ],
  options: {
    tracer: {
      type: 'string',
      value: 'PID|NAME|stranger',
      help: 'the process that would trace, or start the debugger (default: this one; traceme: its parent)',
    },
    debugger: {
      type: 'string',
      value: 'PROGRAM',
      help: 'ask for that program, started by you or by --tracer: its set-id bits and file capabilities count',
    },
    confined: {
      type: 'boolean',
      help: 'as if the tracer had been started by tracegate run --confine: in a Landlock domain with all that it starts',
    },
    scope: { type: 'string', value: 'N', words: SCOPES, help: 'as if ptrace_scope were 0, 1, 2 or 3' },
    mode: {
      type: 'string',
      value: 'M',
      words: [...ACCESS_MODES, 'core'],
      help: 'attach (default), vm-read, getfd, mem, read, environ, kcmp, perf, traceme, core',
    },
    steps: {
      type: 'boolean',
      help: 'show the evidence and the kernel source of each rule, also of rules that pass',
    },
  },
  run,
};
