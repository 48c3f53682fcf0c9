import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encode, parseRequest, type Request } from '../../lib/debugger/grant-protocol.js';

const valid: Request = { request: 'grant', debugger: 4711, startTime: 12, ttl: 60_000, reason: 'ticket 7' };

it('what is encoded is parsed as it was', () => {
  for (const request of [valid, { request: 'list' }, { request: 'revoke' }] as const)
    expect(parseRequest(encode(request))).toEqual(request);
});

/** Field by field what a message may say, mostly near what is valid. */
const near = fc.record(
  {
    version: fc.oneof(fc.constant(1), fc.anything()),
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
const line = fc.oneof(
  near.map(value => JSON.stringify(value) ?? ''),
  fc.json(),
  fc.string(),
  fc.tuple(fc.nat(200), fc.string()).map(([at, text]) => encode(valid).slice(0, at) + text),
);

it('100,000 random lines: a request is one that the contract has, or a reason is given', {
  timeout: 60_000,
}, () => {
  let grants = 0;
  fc.assert(
    fc.property(line, text => {
      const parsed = parseRequest(text);
      if (typeof parsed === 'string') return parsed.length > 0;
      // An own field of its JSON says each word of it, and nothing else is there.
      const { version, ...fields } = JSON.parse(text);
      expect(version).toBe(1);
      expect({ startTime: null, ...fields }).toEqual({ startTime: null, ...parsed });
      if (parsed.request !== 'grant') return true;
      grants += 1;
      const numbers = [parsed.debugger, parsed.ttl];
      return numbers.every(number => Number.isInteger(number) && number >= 1 && number < 2 ** 31);
    }),
    { numRuns: 100_000, seed: 1 },
  );
  expect(grants).toBeGreaterThan(10);
});
