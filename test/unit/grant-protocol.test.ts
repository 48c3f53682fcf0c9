import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encode, parseRequest } from '../../lib/debugger/grant-protocol.js';
import { grantLine, validGrant } from '../helpers/grant-lines.js';
import { SEED, times } from '../helpers/tier.js';

it('what is encoded is parsed as it was', () => {
  for (const request of [validGrant, { request: 'list' }, { request: 'revoke' }] as const)
    expect(parseRequest(encode(request))).toEqual(request);
});

const LINES = times(10_000, 100_000);

it('of random lines, a request is one that the contract has, or a reason is given', () => {
  let grants = 0;
  fc.assert(
    fc.property(grantLine, text => {
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
    { numRuns: LINES, seed: SEED },
  );
  expect(grants).toBeGreaterThan(10);
});
