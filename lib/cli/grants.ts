import { askOnce } from '../debugger/grant-client.js';
import type { GrantRecord, OperatorRequest, Reply } from '../debugger/grant-protocol.js';
import { TracegateError } from '../errors.js';
import { type CommandBody, type ExitCode, USAGE, UsageError, type Values } from './command.js';
import { printable, printJson, table, textWidth } from './output.js';

function socketOf(name: string, operands: string[]): string {
  const [path, ...more] = operands;
  if (path === undefined || more.length > 0)
    throw new UsageError(`${name} takes one SOCKET: tracegate ${name} SOCKET`);
  return path;
}

type Answer<Key extends string> = Extract<Reply, Record<Key, unknown>>;

/** The reply with this field. Null: the app refused, and the refusal was printed. */
async function replyTo<Key extends 'grants' | 'revoked'>(
  path: string,
  request: OperatorRequest,
  key: Key,
  isJson: boolean,
): Promise<Answer<Key> | null> {
  const { reply, appPid } = await askOnce(path, request);
  if ('refused' in reply) {
    if (isJson) printJson('grants', reply);
    else console.error(`tracegate: refused: ${printable(reply.refused.message)} (${reply.refused.code})`);
    return null;
  }
  if (!(key in reply))
    throw new TracegateError('ERR_TRACEGATE_GRANT_SOCKET', `the app answered another request than ${key}`);
  return { ...(reply as Answer<Key>), ...(appPid !== null && 'pid' in reply && { pid: appPid }) };
}

function row({ debugger: who, requester, expiresAt, reason }: GrantRecord): string[] {
  const name = who === 'any' ? 'any' : `${who.pid} ${printable(who.comm)}`;
  return [name, `until ${expiresAt ?? 'it is revoked'}`, `for uid ${requester.uid}`, printable(reason)];
}

async function list(operands: string[], values: Values): Promise<ExitCode> {
  const reply = await replyTo(
    socketOf('grants', operands),
    { request: 'list' },
    'grants',
    values.json === true,
  );
  if (reply === null) return 1;
  if (values.json) printJson('grants', reply);
  else if (reply.grants.length === 0) console.log(`process ${reply.pid} allows no debugger now`);
  else console.log(table(reply.grants.map(row), textWidth()));
  return 0;
}

async function revoke(operands: string[], values: Values): Promise<ExitCode> {
  const reply = await replyTo(
    socketOf('revoke', operands),
    { request: 'revoke' },
    'revoked',
    values.json === true,
  );
  if (reply === null) return 1;
  if (values.json) printJson('grants', reply);
  else console.log(`revoked: ${reply.revoked}`);
  return 0;
}

const ASKED = [['1', 'refused'], USAGE, ['3', 'could not ask']] as const;

export const grantsCommand: CommandBody = {
  details: [],
  exitCodes: [['0', 'done'], ...ASKED],
  options: {},
  run: list,
};

export const revokeCommand: CommandBody = {
  details: ['A tracer that is attached stays attached.'],
  exitCodes: [['0', 'done'], ...ASKED],
  options: {},
  run: revoke,
};
