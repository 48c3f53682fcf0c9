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
import type { GrantRecord, OperatorRequest, Requester } from './grant-protocol.js';

/** The request that `authorize` decides on. The kernel gives `requester`; the other fields come from the operator. */
export type GrantRequest = OperatorRequest & { requester: Requester & { comm: string | null } };

/** An event for the log: a request, a refusal, or the start or end of a grant. */
export type GrantEvent = { time: string; requester: Requester & { comm: string | null } } & (
  | { event: 'request'; request: OperatorRequest }
  | { event: 'refused'; code: string; message: string }
  | { event: 'start'; grant: GrantRecord }
  | { event: 'end'; grant: GrantRecord; end: GrantEnd }
);

/** Which operators may ask at the socket, and for how much. */
export interface ServeGrantsOptions {
  /** The absolute path of the socket, in a directory of ours that nobody else may enter. The socket gets the mode 0600. */
  path: string;
  /** Uids and gids of operators that may ask. This process's own uid may ask only if the list has it. */
  allow?: { uids?: readonly number[]; gids?: readonly number[] };
  /** Decides after `allow`, or alone if `allow` is left out. Only `true` permits the request. The time limit is `maxTtl`. */
  authorize?: (request: GrantRequest) => boolean | Promise<boolean>;
  /** The longest `ttl` in milliseconds; 5 minutes by default. */
  maxTtl?: number;
  /** If `log` throws, rejects or takes longer than `timeout`, the request is refused. */
  log?: (event: GrantEvent) => void | Promise<void>;
  /** Opens grants even if this kernel then allows every process of this uid to attach. */
  allowSameUid?: boolean;
  /** The most connections at a time; the server closes any further connection. 32 by default. */
  connections?: number;
  /** Milliseconds in which a client must send its request, and `log` must settle; 5,000 by default. */
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
    throw badOption('allow', 'given, unless authorize is: without both nobody may ask', undefined);
  return given;
}
