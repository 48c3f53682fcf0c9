import { badOption } from '../errors.js';
import {
  BOOLEAN,
  CHECKED_ELSEWHERE,
  checkedOptions,
  FUNCTION,
  integer,
  type OptionKind,
  type OptionKinds,
  text,
} from '../options.js';
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
  /** Decides beside `allow`, or where that is left out alone. Only `true` lets; it has `maxTtl` to decide in. */
  authorize?: (request: GrantRequest) => boolean | Promise<boolean>;
  /** The longest `ttl` in milliseconds; 5 minutes by default. */
  maxTtl?: number;
  /** Where it throws or rejects, or takes longer than `timeout`, nothing is granted: what can't be logged doesn't happen. */
  log?: (event: GrantEvent) => void | Promise<void>;
  /** Open also where the kernel then lets in every process of this uid. */
  allowSameUid?: boolean;
  /** Connections at a time, beyond which they are cut off; 32 by default. */
  connections?: number;
  /** Milliseconds that a client has to ask in; 5,000 by default. */
  timeout?: number;
}

const ids = (wanted: string): OptionKind => ({
  wanted,
  accepts: value => Array.isArray(value) && value.every(id => Number.isInteger(id) && id >= 0),
});

const ALLOW: OptionKinds<NonNullable<ServeGrantsOptions['allow']>> = {
  uids: ids('an array of uids'),
  gids: ids('an array of gids'),
};

const OPTIONS: OptionKinds<ServeGrantsOptions> = {
  path: text('the path of a socket'),
  allow: CHECKED_ELSEWHERE,
  authorize: FUNCTION,
  maxTtl: integer(),
  log: FUNCTION,
  allowSameUid: BOOLEAN,
  connections: integer(),
  timeout: integer(),
};

/** @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` */
export function checkedGrantOptions(options: ServeGrantsOptions): ServeGrantsOptions {
  const given = checkedOptions(options, OPTIONS);
  const { path, allow, authorize } = given;
  if (path === undefined) throw badOption('path', OPTIONS.path.wanted, undefined);
  if (allow !== undefined) return { ...given, allow: checkedOptions(allow, ALLOW, 'allow') };
  if (authorize === undefined)
    throw badOption('allow', 'given, or authorize: nobody may ask otherwise', undefined);
  return given;
}
