import { once } from 'node:events';
import { constants } from 'node:os';
import { ask, type GrantConversation } from '../debugger/grant-client.js';
import type { GrantRecord } from '../debugger/grant-protocol.js';
import { holdCommandLine } from '../debugger/held-debugger.js';
import { factsOf } from '../kernel/read-process-facts.js';
import { type CommandBody, type ExitCode, parsePid, USAGE, UsageError, type Values } from './command.js';
import { type Colour, colour, printable, printJson, textWidth, wrapped } from './output.js';
import { isName } from './processes.js';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** Parses a duration such as `60s` into milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  const milliseconds = Number(number) * UNITS[unit as keyof typeof UNITS];
  if (!(milliseconds >= 1 && milliseconds <= 2 ** 31 - 1))
    throw new UsageError(
      `--ttl ${JSON.stringify(text)}: use a time such as 500ms, 90s or 5m, of at most 24 days`,
    );
  return milliseconds;
}

interface Refusal {
  code: string;
  message: string;
}

const HUNG_UP: Refusal = {
  code: 'ERR_TRACEGATE_GRANT_SOCKET',
  message: 'the app closed the connection without a reply',
};

const DEBUGGER_GONE: Refusal = {
  code: 'ERR_TRACEGATE_NOT_GRANTED',
  message: 'the debugger ended before the app allowed it',
};

const UNSEEN: Refusal = {
  code: 'ERR_TRACEGATE_GRANT_SOCKET',
  message:
    'the pid namespace of the app is not visible from here: run tracegate inside it (nsenter, docker exec)',
};

/** The first reply: the grant, or the reason of a refusal. The kernel, not the app, tells the app's pid. */
async function granted(conversation: GrantConversation): Promise<GrantRecord | Refusal> {
  const reply = await conversation.next();
  if (reply === null) return HUNG_UP;
  if ('refused' in reply) return reply.refused;
  if (!('granted' in reply)) return HUNG_UP;
  return conversation.appPid === null ? UNSEEN : { ...reply.granted, pid: conversation.appPid };
}

interface Asked {
  path: string;
  ttl: number;
  reason: string;
  isJson: boolean;
}

function report(record: GrantRecord, { isJson }: Asked): void {
  if (isJson) {
    printJson('grants', { granted: record });
    return;
  }
  const who =
    record.debugger === 'any' ? 'any process' : `${record.debugger.pid} (${printable(record.debugger.comm)})`;
  const say = (style: Colour, text: string) =>
    console.error(wrapped(colour(style, text), textWidth(Number.POSITIVE_INFINITY, process.stderr)));
  say('green', `granted: ${who} may attach to ${record.pid} until ${record.expiresAt}`);
  if (record.effect !== 'effective') say('yellow', `${record.effect}: others of its uid may attach as well`);
  if (record.predicted.verdict === 'denied')
    say('yellow', `the kernel will probably refuse it nevertheless: ${record.predicted.because}`);
}

function reportRefusal({ code, message }: Refusal, isJson: boolean): ExitCode {
  if (isJson) printJson('grants', { refused: { code, message } });
  else console.error(`tracegate: refused: ${printable(message)} (${code})`);
  return 1;
}

async function converse(asked: Asked, pid: number): Promise<GrantConversation> {
  const startTime = factsOf(pid)?.startTime ?? null;
  if (startTime === null) throw new UsageError(`--debugger ${pid}: no process with that pid is visible`);
  const { path, ttl, reason } = asked;
  return ask(path, { request: 'grant', debugger: pid, startTime, ttl, reason });
}

/** Holds the grant until the grant ends or this process is interrupted. The grant ends with the connection. */
async function grantTo(pid: number, asked: Asked): Promise<ExitCode> {
  const conversation = await converse(asked, pid);
  const answer = await granted(conversation);
  if ('code' in answer) return reportRefusal(answer, asked.isJson);
  report(answer, asked);
  const last = await conversation.next();
  if (last === null || !('ended' in last)) {
    console.error('tracegate: the app closed the connection: the grant has ended');
    return 3;
  }
  const end = last.ended;
  if (!asked.isJson) {
    const still = end.stillTracedBy === null ? '' : `; process ${end.stillTracedBy} still traces it`;
    console.error(`ended: ${end.by}${still}`);
  }
  return 0;
}

/** The debugger waits until it has a grant; without a grant it never runs. */
async function execGranted(line: string, asked: Asked): Promise<number> {
  const held = await holdCommandLine(line);
  const ended = once(held.process, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const conversation = await converse(asked, held.pid).catch(async error => {
    await held.drop();
    throw error;
  });
  const answer = await Promise.race([granted(conversation), ended.then(() => DEBUGGER_GONE)]);
  if ('code' in answer) {
    conversation.hangUp();
    await held.drop();
    return reportRefusal(answer, asked.isJson);
  }
  report(answer, asked);
  // Ctrl-C is meant for the debugger.
  process.on('SIGINT', () => {});
  held.start(answer.pid);
  const [code, signal] = await ended;
  conversation.hangUp();
  if (signal === null) return code ?? 3;
  console.error(`tracegate: the debugger was ended by ${signal}`);
  return 128 + constants.signals[signal];
}

/** A name is no identity: the first process that takes the name would get the grant. */
function debuggerPid(text: string): number {
  if (!isName(text)) return parsePid(text);
  throw new UsageError(`--debugger ${JSON.stringify(text)}: give a pid, since any process may take a name`);
}

async function run(operands: string[], values: Values): Promise<number> {
  const [path, ...more] = operands;
  if (path === undefined || more.length > 0)
    throw new UsageError('grant takes one SOCKET: tracegate grant SOCKET');
  const { debugger: pid, exec, ttl, reason } = values;
  if ((pid === undefined) === (exec === undefined))
    throw new UsageError("grant needs --debugger PID or --exec 'gdb -p {}'");
  if (typeof ttl !== 'string') throw new UsageError('grant needs --ttl, such as 60s');
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new UsageError('grant needs --reason TEXT: the app logs it');
  const asked: Asked = { path, ttl: parseDuration(ttl), reason, isJson: values.json === true };
  if (typeof exec === 'string' && !exec.includes('{}'))
    throw new UsageError("--exec needs {} where the app's pid belongs: --exec 'gdb -p {}'");
  return typeof exec === 'string' ? execGranted(exec, asked) : grantTo(debuggerPid(`${pid}`), asked);
}

export const grantCommand: CommandBody = {
  details: [
    'The grant ends with this command: after its ttl, when the debugger ends, at Ctrl-C, or when the command is killed.',
    "--exec holds the debugger until the app allows it, then runs it with the app's pid for {} in its words, and ends with its exit code. The shell reads the line before that.",
  ],
  exitCodes: [
    ['0', 'it was granted and has ended'],
    ['1', 'refused'],
    USAGE,
    ['3', 'could not ask, could not start the debugger, or the app ended first'],
    ['N', "with --exec: the debugger's own, or 128 and the number of the signal that ended the debugger"],
  ],
  options: {
    debugger: { type: 'string', value: 'PID', help: 'the process to allow, with its descendants' },
    exec: {
      type: 'string',
      value: 'COMMAND',
      help: 'a debugger to run: one command, in the syntax of the shell',
    },
    ttl: { type: 'string', value: 'TIME', help: 'how long at most: 500ms, 60s, 5m, 1h' },
    reason: { type: 'string', value: 'TEXT', help: "why, for the app's log" },
  },
  run,
};
