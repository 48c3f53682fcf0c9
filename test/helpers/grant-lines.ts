import fc from 'fast-check';
import { encode, type OperatorRequest, PROTOCOL_VERSION } from '../../lib/debugger/grant-protocol.js';

export const validGrant: OperatorRequest = {
  request: 'grant',
  debugger: 4711,
  startTime: 12,
  ttl: 60_000,
  reason: 'ticket 7',
};

/** Values for each field of a message, mostly close to valid ones. */
const near = fc.record(
  {
    version: fc.oneof(fc.constant(PROTOCOL_VERSION), fc.anything()),
    request: fc.oneof(
      fc.constantFrom('grant', 'list', 'revoke', 'Grant', 'toString', '__proto__'),
      fc.anything(),
    ),
    debugger: fc.oneof(fc.integer(), fc.double(), fc.anything()),
    startTime: fc.oneof(fc.nat(), fc.anything()),
    ttl: fc.oneof(fc.integer(), fc.anything()),
    reason: fc.oneof(fc.string(), fc.anything()),
    uid: fc.nat(),
    __proto__: fc.anything(),
  },
  { requiredKeys: [] },
);
/** Lines that a client may write: mostly close to valid ones, and some valid. */
export const grantLine = fc.oneof(
  near.map(value => JSON.stringify(value) ?? ''),
  fc.json(),
  fc.string(),
  fc.tuple(fc.nat(200), fc.string()).map(([at, text]) => encode(validGrant).slice(0, at) + text),
);
