import { TracegateError } from '../errors.js';
import { isError } from '../is-error.js';
import { observeProcesses, type SnapshotFacts } from '../kernel/host.js';
import { type ProbeResult, probe } from '../kernel/probe.js';
import { isHeadless, type ProbeMethod } from '../kernel/probe-outcome.js';
import type { ProbeAs } from '../kernel/probe-question.js';
import { readProcStatus } from '../kernel/proc-status.js';
import type { ProcessFacts } from '../kernel/process-facts.js';
import { checkAccess } from '../policy/access/access-check.js';
import { hypotheticalProcess } from '../policy/access/hypothetical.js';
import type { Outcome } from '../policy/access/verdict.js';
import {
  type CommandBody,
  type ExitCode,
  NAMES,
  NOT_FOUND_OUT,
  USAGE,
  UsageError,
  type Values,
} from './command.js';
import { colour, printable, printJson, table, textWidth } from './output.js';
import { pidOf } from './processes.js';
import { idsOf } from './users.js';

const METHODS: readonly ProbeMethod[] = ['access', 'seize', 'attach', 'traceme'];

function parseAs(text: string): ProbeAs {
  if (text === 'self' || text === 'stranger') return text;
  const ids = idsOf(text, '--as');
  if (ids === null) {
    throw new UsageError(
      `--as ${JSON.stringify(text)}: use self, stranger, a user's name, or USER:GROUP, such as www-data:adm or 1000:1000`,
    );
  }
  return ids;
}

/** What a name stands for is said. */
const shownAs = (text: string, as: ProbeAs): string | null =>
  typeof as === 'string' || text === `${as.uid}:${as.gid}`
    ? null
    : `as ${printable(text)}: uid ${as.uid}, gid ${as.gid}`;

/** The asking process, with the facts that the rules use. */
function askerOf(
  { as }: ProbeResult,
  target: ProcessFacts,
  { host, processes }: SnapshotFacts,
): ProcessFacts | null {
  if (as === 'self') return processes.find(({ pid }) => pid === process.pid) ?? null;
  const { userNs } = host.observedAs;
  if (as === 'stranger') {
    return hypotheticalProcess({ uid: target.uids.effective, gid: target.gids.effective, userNs });
  }
  return hypotheticalProcess({ ...as, userNs });
}

const HIDDEN =
  'no rule that can be seen from outside explains it: a security module or a seccomp filter may have refused; tracegate explain shows more';

/** The reasons of the rules that refuse; without such rules those of the unknown rules. */
function refusals(result: ProbeResult): string[] {
  const snapshot = observeProcesses([result.pid, process.pid], () => true, false);
  const target = snapshot.processes.find(({ pid }) => pid === result.pid);
  if (target === undefined || target.startTime !== result.startTime) return [];
  const asker = askerOf(result, target, snapshot);
  if (asker === null) return [];
  const host = { ...snapshot.host, processes: snapshot.processes };
  const { steps } = checkAccess(asker, target, host, 'attach');
  const because = (outcome: Outcome) =>
    steps.filter(step => step.outcome === outcome).map(step => step.because);
  const [refusing, unseen] = [because('deny'), because('unknown')];
  return refusing.length > 0 ? refusing : unseen.length > 0 ? unseen : [HIDDEN];
}

/** native/helper/credentials.cc: the calls by which the helper takes other credentials. */
const BECOMING = ['setgroups', 'setresgid', 'prctl', 'setresuid', 'capset'];

function reasonsFor(result: ProbeResult): string[] {
  const { outcome, reason, pid, tracerPid, method, as, code, syscall, thread } = result;
  if (outcome === 'allowed')
    return thread === null
      ? []
      : [`its first thread may not be attached to, but its thread ${thread} may: it has other rights`];
  if (reason === 'no-such-process') return ['no process has this pid'];
  if (reason === 'already-traced') return [`process ${tracerPid} traces it, and there is only one tracer`];
  const { answeredBy } = result;
  if (answeredBy === 'seccomp') {
    const does =
      code === 'SIGSYS' ? `ends each process that calls ${syscall}` : `answers ${syscall} with ${code}`;
    return outcome === 'denied'
      ? [
          `a seccomp filter of this process ${does}: run tracegate without that filter, or with one that allows ${syscall}`,
        ]
      : [
          `a seccomp filter of this process ${does}, so the answer for other processes is unknown: run tracegate without that filter`,
        ];
  }
  if (outcome === 'unknown') {
    if (BECOMING.includes(syscall ?? '')) {
      const who = typeof as === 'object' ? `${as.uid}:${as.gid}` : 'an unrelated process of its uid';
      return [`the kernel refused the change to ${who} (${syscall}: ${code}): run tracegate as root`];
    }
    const seen = readProcStatus(pid);
    if (seen.state === 'seen' && isHeadless(seen.facts)) {
      return [`its first thread has ended, but others run: probe those (ls /proc/${pid}/task)`];
    }
    if (reason === 'landlock')
      return [
        'this process is, or may be, in a Landlock domain, which the process that asked has inherited: run tracegate outside of it',
      ];
    if (code === 'ETIMEDOUT')
      return ['the probe got no answer in time: the process is stuck in execve, or in the kernel'];
    return [
      `the kernel could not be asked (${syscall}: ${code}): a seccomp filter, a hidden /proc, or a refusal of the helper only`,
    ];
  }
  if (method === 'traceme') return ['ptrace_scope or a security module refuses PTRACE_TRACEME'];
  return refusals(result);
}

const LOOKS = { allowed: 'yellow', denied: 'green', unknown: 'bold' } as const;

/** The reasons that say more than that the probe was denied. */
const REASON_LOOKS = { 'already-traced': 'red', 'no-such-process': 'dim' } as const;

function shown({ outcome, reason, code }: ProbeResult): string {
  const inBrackets = code === null ? '' : ` (${code})`;
  return reason === 'already-traced' || reason === 'no-such-process'
    ? colour(REASON_LOOKS[reason], `${reason.replaceAll('-', ' ')}${inBrackets}`)
    : colour(LOOKS[outcome], `${outcome}${inBrackets}`);
}

function row(result: ProbeResult, reasons: string[]): string[] {
  const { pid, comm } = result;
  return [`${pid}`, printable(comm ?? '-'), shown(result), printable(reasons.join('; '))];
}

function exitCodeOf(results: ProbeResult[]): ExitCode {
  if (results.some(({ outcome }) => outcome === 'unknown')) return 3;
  return results.every(({ outcome }) => outcome === 'allowed') ? 0 : 1;
}

async function run(operands: string[], values: Values): Promise<ExitCode> {
  if (operands.length === 0) throw new UsageError('probe needs a PID: tracegate probe PID…');
  if (values.json && values.ndjson) throw new UsageError('--json and --ndjson: choose one');
  const method = (values.method ?? 'access') as ProbeMethod;
  const who = `${values.as ?? 'self'}`;
  const as = parseAs(who);
  const told = shownAs(who, as);
  if (told !== null && !values.json && !values.ndjson) console.log(told);
  const pids = operands.map(operand => pidOf(operand, values));

  const answers: { result: ProbeResult; reasons: string[] }[] = [];
  for (const pid of pids) {
    const result = await probe(pid, { method, as });
    answers.push({ result, reasons: reasonsOrNone(result) });
  }
  const results = answers.map(({ result, reasons }) => ({ ...result, reasons }));
  if (values.json) printJson('probe', { results });
  else if (values.ndjson) for (const result of results) printJson('probe', result);
  else
    console.log(
      table(
        answers.map(({ result, reasons }) => row(result, reasons)),
        textWidth(),
      ),
    );
  return exitCodeOf(results);
}

/** The process may end between its answer and the search for the reasons. */
function reasonsOrNone(result: ProbeResult): string[] {
  try {
    return reasonsFor(result);
  } catch (error) {
    if (error instanceof TracegateError) throw error;
    if (isError(error) && 'code' in error && error.code === 'ESRCH') return ['it has ended since'];
    throw error;
  }
}

export const probeCommand: CommandBody = {
  details: [
    'It has no side effects on the target; only --method attach stops the target, for microseconds.',
    NAMES,
  ],
  exitCodes: [['0', 'all allowed'], ['1', 'one refused, traced already or gone'], USAGE, NOT_FOUND_OUT],
  options: {
    method: {
      type: 'string',
      value: 'M',
      words: METHODS,
      help: 'access (the check alone, default), seize (attach without a stop), attach, traceme',
    },
    as: {
      type: 'string',
      value: 'self|stranger|USER[:GROUP]',
      help: "self (default), stranger (an unrelated process of the target's uid, without capabilities), or a user",
    },
    ndjson: { type: 'boolean', help: 'one JSON object for each process, a line each' },
  },
  run,
};
