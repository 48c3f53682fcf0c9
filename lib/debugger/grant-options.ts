import { badOption } from '../errors.js';
import type { GrantEnd } from './allow-debugger.js';
import type { GrantRecord, Request, Requester } from './grant-protocol.js';

/** What `authorize` decides on. What the operator wrote is `reason` alone; the rest is the kernel's word. */
export type GrantRequest = Request & { requester: Requester & { comm: string | null } };

/** For the log: each request, what was decided, and each grant's start and end. */
export type GrantEvent = { time: string; requester: Requester & { comm: string | null } } & (
  | { event: 'request'; request: Request }
  | { event: 'refused'; code: string; message: string }
  | { event: 'start'; grant: GrantRecord }
  | { event: 'end'; grant: GrantRecord; end: GrantEnd }
);

export interface ServeGrantsOptions {
  /** Of the socket: absolute, in a directory of ours that nobody else may enter. It gets the mode 0600. */
  path: string;
  /** Who may ask, by the uid or gid of who connects. Not even this process' own uid may, unless it is named. */
  allow?: { uids?: readonly number[]; gids?: readonly number[] };
  /** Decides beside `allow`, or where that is left out alone. Only `true` lets. */
  authorize?: (request: GrantRequest) => boolean | Promise<boolean>;
  /** The longest `ttl` in milliseconds; 5 minutes by default. */
  maxTtl?: number;
  /** Where it throws or rejects, nothing is granted: what can't be logged doesn't happen. */
  log?: (event: GrantEvent) => void | Promise<void>;
  /** Open also where the kernel then lets in every process of this uid. */
  acceptWider?: boolean;
  /** Connections at a time, beyond which they are cut off; 32 by default. */
  connections?: number;
  /** Milliseconds that a client has to ask in; 5,000 by default. */
  patience?: number;
}

const isIds = (ids: unknown) =>
  ids === undefined || (Array.isArray(ids) && ids.every(id => Number.isInteger(id) && id >= 0));

const KNOWN: readonly string[] = [
  'path',
  'allow',
  'authorize',
  'maxTtl',
  'log',
  'acceptWider',
  'connections',
  'patience',
];

/** @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` */
export function checkOptions(options: ServeGrantsOptions): void {
  if (typeof options !== 'object' || options === null) throw badOption('options', 'an object', options);
  const unknown = Object.keys(options).find(name => !KNOWN.includes(name));
  if (unknown !== undefined) throw badOption('an option', `one of ${KNOWN.join(', ')}`, unknown);
  const { path, allow, authorize, log, acceptWider } = options;
  if (typeof path !== 'string' || path === '') throw badOption('path', 'the path of a socket', path);
  if (allow === undefined && authorize === undefined)
    throw badOption('allow', 'given, or authorize: nobody may ask otherwise', allow);
  if (allow !== undefined && (typeof allow !== 'object' || allow === null))
    throw badOption('allow', '{ uids, gids }', allow);
  if (!isIds(allow?.uids)) throw badOption('allow.uids', 'an array of uids', allow?.uids);
  if (!isIds(allow?.gids)) throw badOption('allow.gids', 'an array of gids', allow?.gids);
  if (authorize !== undefined && typeof authorize !== 'function')
    throw badOption('authorize', 'a function', authorize);
  if (log !== undefined && typeof log !== 'function') throw badOption('log', 'a function', log);
  if (acceptWider !== undefined && typeof acceptWider !== 'boolean')
    throw badOption('acceptWider', 'true or false', acceptWider);
  for (const name of ['maxTtl', 'connections', 'patience'] as const) {
    const value = options[name];
    if (value !== undefined && (!Number.isInteger(value) || value < 1 || value > 2 ** 31 - 1))
      throw badOption(name, 'a whole number from 1 to 2147483647', value);
  }
}
