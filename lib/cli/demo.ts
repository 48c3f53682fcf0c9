import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Channel } from '../demo/attacker.js';
import { type DemoAttempt, type DemoResult, type DemoRow, type Phase, runDemo } from '../demo/demo.js';
import { packagePath } from '../package-files.js';
import { type CommandBody, type ExitCode, NOT_FOUND_OUT, USAGE, UsageError, type Values } from './command.js';
import { colour, fold, printJson, table, textWidth, wrapped } from './output.js';
import { describeScope } from './scope-text.js';

const CHANNEL_NAMES: Record<Channel, string> = {
  attach: 'ptrace attach',
  process_vm_readv: 'process_vm_readv',
  mem: '/proc/PID/mem',
  environ: '/proc/PID/environ',
  core: 'core dump',
};

function cell(attempt: DemoAttempt, phase: Phase): string {
  // The declared debugger may read: the declaration is for that.
  if (attempt.outcome === 'read' && phase === 'declaredDebugger')
    return colour('yellow', '→ allowed, secret read');
  if (attempt.outcome === 'read') return colour('red', '✗ SECRET READ');
  if (attempt.outcome === 'not-tried') return colour('dim', `- (${attempt.why})`);
  if (attempt.outcome === 'not-found') return colour('yellow', '? open, not found');
  return colour('green', `✓ ${attempt.syscall === 'no core' ? 'no core file' : `refused ${attempt.code}`}`);
}

const COLUMNS: Record<Phase, string> = {
  before: 'before',
  optedOut: 'opted out',
  declaredDebugger: 'declared debugger',
  besideDebugger: 'another neighbour',
};
const PHASES = Object.keys(COLUMNS) as Phase[];

function tableOf(rows: DemoRow[]): string {
  return table([
    ['way', ...Object.values(COLUMNS)].map(word => colour('bold', word)),
    ...rows.map(row => [CHANNEL_NAMES[row.channel], ...PHASES.map(phase => cell(row[phase], phase))]),
  ]);
}

const SCOPE_ADDS = {
  0: 'At ptrace_scope 0 the kernel adds nothing: only the opt-out stops a neighbour, and a debugger is allowed only together with every process of its uid.',
  1: 'ptrace_scope 1 adds that a stranger cannot attach or read memory even before the opt-out, and that only the declared debugger may attach. The environment and core dumps stay open: only the opt-out closes them.',
  2: 'ptrace_scope 2 adds that only CAP_SYS_PTRACE attaches or reads memory; a declared debugger without it is refused. The environment and core dumps stay open: only the opt-out closes them.',
  3: 'ptrace_scope 3 adds that nobody attaches or reads memory. The environment and core dumps stay open: only the opt-out closes them.',
} as const;

function scopeAdds({ ptraceScope }: DemoResult): string {
  if (ptraceScope.state === 'present') return SCOPE_ADDS[ptraceScope.value];
  if (ptraceScope.state === 'unknown') return `What ptrace_scope adds is unknown: ${ptraceScope.cause}.`;
  return `This kernel has no Yama, so the result is that of ptrace_scope 0. With the lab kernel installed, \`tracegate demo --all-scopes\` shows the rest.`;
}

const SCENE = (uid: number) =>
  `A Node process of uid ${uid} holds a secret in its memory and one in its environment. An unrelated process of the same uid, without any privilege, goes for them. Then the process opts out: setDumpable('disabled'). Then it allows one debugger: setPtracer(pid) and setDumpable('user').`;

/** The columns of a paragraph where there is no terminal. */
const LINE = 115;

function print(result: DemoResult): void {
  const width = textWidth(LINE);
  console.log(`${fold(SCENE(result.uid), 0, width)}

${wrapped(`kernel ${result.kernelRelease}, ptrace_scope ${describeScope(result.ptraceScope)}`)}

${tableOf(result.rows)}

${wrapped(scopeAdds(result))}
${wrapped(`The declaration: ${result.ptracer.effect} (${result.ptracer.reason}).`)}
${wrapped(result.verdict === 'pass' ? colour('green', '✓ The secret was read before the opt-out, and in no way after it.') : colour('red', '✗ The opt-out did not keep the secret: see the table.'))}
`);
}

/** Runs the demo in throw-away kernels, one for each scope: scripts/lab, which the package contains. */
function allScopes(isJson: boolean): ExitCode {
  const lab = packagePath('scripts/lab');
  if (!existsSync(lab))
    throw new UsageError('--all-scopes needs the lab (scripts/lab), which is not installed here');
  const main = packagePath('dist/cli.cjs');
  const words = ['--scope', '0,1,2,3', '--', process.execPath, main, 'demo', ...(isJson ? ['--json'] : [])];
  const { status, stdout } = spawnSync(lab, words, {
    stdio: ['ignore', isJson ? 'pipe' : 'inherit', 'inherit'],
  });
  if (isJson && status === 0) {
    const runs = `${stdout}`
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as object);
    printJson('demo', { runs });
  }
  return status === 0 ? 0 : status === 1 ? 1 : 3;
}

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length > 0) throw new UsageError(`demo takes no argument: ${JSON.stringify(operands[0])}`);
  if (values['all-scopes']) return allScopes(values.json === true);
  const result = await runDemo();
  if (values.json) printJson('demo', result);
  else print(result);
  return result.verdict === 'pass' ? 0 : 1;
}

export const demoCommand: CommandBody = {
  details: ['It starts its own processes and touches no others. As root it runs them as uid 65534.'],
  exitCodes: [['0', 'the opt-out held on every channel'], ['1', 'it did not'], USAGE, NOT_FOUND_OUT],
  options: {
    'all-scopes': {
      type: 'boolean',
      help: 'in throw-away Yama kernels at ptrace_scope 0, 1, 2 and 3 (scripts/setup.sh)',
    },
  },
  run,
};
