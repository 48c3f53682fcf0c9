import { SCHEMA_VERSIONS } from '../schema-versions.js';
import type { DebuggerGrant, DebuggerIdentity, GrantEnd } from './allow-debugger.js';

// Each message is a line of JSON that ends with a line feed: schemas/grants.schema.json.

/** A reply has the shape of that schema, so both have one version. */
export const PROTOCOL_VERSION = SCHEMA_VERSIONS.grants;

/** The most bytes of a request; the server refuses longer requests. */
export const LONGEST_LINE = 4096;
const LONGEST_REASON = 1000;
const LARGEST_PID = 2 ** 31 - 1;

/** The request of an operator. `ttl` is in milliseconds. */
export type OperatorRequest =
  | { request: 'grant'; debugger: number; startTime: number | null; ttl: number; reason: string }
  | { request: 'list' }
  | { request: 'revoke' };

/** The process that asks, from the kernel (SO_PEERCRED). */
export interface Requester {
  pid: number;
  uid: number;
  gid: number;
}

/** A grant in a reply. Its times are ISO 8601. */
export interface GrantRecord extends Pick<DebuggerGrant, 'effect' | 'predicted'> {
  /** The pid of the app. */
  pid: number;
  debugger: DebuggerIdentity | 'any';
  requester: Requester;
  /** The operator's reason. */
  reason: string;
  expiresAt: string | null;
}

export type Reply =
  | { granted: GrantRecord }
  | { ended: GrantEnd }
  | { grants: GrantRecord[]; pid: number }
  | { revoked: number }
  | { refused: { code: string; message: string } };

export const encode = (message: OperatorRequest | Reply): string =>
  `${JSON.stringify({ version: PROTOCOL_VERSION, ...message })}\n`;

const isWhole = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;

const KEYS: Record<OperatorRequest['request'], readonly string[]> = {
  grant: ['debugger', 'startTime', 'ttl', 'reason'],
  list: [],
  revoke: [],
};

function grantRequest(fields: Record<string, unknown>): OperatorRequest | string {
  const { debugger: pid, startTime = null, ttl, reason } = fields;
  if (!isWhole(pid, 1, LARGEST_PID)) return `debugger must be a pid from 1 to ${LARGEST_PID}`;
  if (startTime !== null && !isWhole(startTime, 0, Number.MAX_SAFE_INTEGER))
    return 'startTime must be field 22 of its /proc/PID/stat, or null';
  if (!isWhole(ttl, 1, LARGEST_PID)) return `ttl must be milliseconds from 1 to ${LARGEST_PID}`;
  if (typeof reason !== 'string' || reason.trim() === '' || reason.length > LONGEST_REASON)
    return `reason must be a text of 1 to ${LONGEST_REASON} characters`;
  return { request: 'grant', debugger: pid, startTime, ttl, reason };
}

/** Parses a line. @returns the request, or a text that says what is wrong with the line */
export function parseRequest(line: string): OperatorRequest | string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line);
  } catch {
    return 'it is no JSON';
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return 'it is no JSON object';
  const { version, request, ...rest } = fields;
  if (version !== PROTOCOL_VERSION) return `version must be ${PROTOCOL_VERSION}`;
  if (request !== 'grant' && request !== 'list' && request !== 'revoke')
    return 'request must be "grant", "list" or "revoke"';
  const unknown = Object.keys(rest).find(key => !KEYS[request].includes(key));
  if (unknown !== undefined) return `${request} has no ${JSON.stringify(unknown.slice(0, 40))}`;
  return request === 'grant' ? grantRequest(rest) : { request };
}
