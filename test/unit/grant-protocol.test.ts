// The messages of the grant socket.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encode, PROTOCOL_VERSION, parseRequest } from '../../lib/debugger/grant-protocol.js';
import { grantLine, validGrant } from '../helpers/grant-lines.js';
import { SEED, times } from '../helpers/tier.js';

it('an encoded message is parsed to the same message', () => {
  for (const request of [validGrant, { request: 'list' }, { request: 'revoke' }] as const)
    expect(parseRequest(encode(request))).toEqual(request);
});

const LARGEST = 2 ** 31 - 1;

it.each([
  ['debugger', [1, LARGEST], [0, -1, LARGEST + 1, 1.5, '1', null]],
  ['startTime', [0, null, Number.MAX_SAFE_INTEGER], [-1, 1.5, '1', Number.MAX_SAFE_INTEGER + 1]],
  ['ttl', [1, LARGEST], [0, -1, LARGEST + 1, 1.5, '1', null]],
  ['reason', ['x', 'x'.repeat(1000)], ['', ' ', 'x'.repeat(1001), 1, null]],
])('the field %s of a grant has bounds, and an error names it', (field, taken, refused) => {
  const parsed = (value: unknown) =>
    parseRequest(JSON.stringify({ version: PROTOCOL_VERSION, ...validGrant, [field]: value }));
  for (const value of taken) expect(parsed(value)).toMatchObject({ request: 'grant', [field]: value });
  for (const value of refused) expect(parsed(value)).toMatch(`${field} must be`);
});

it.each(['list', 'revoke'])('%s has no fields', request => {
  expect(parseRequest(JSON.stringify({ version: PROTOCOL_VERSION, request, ttl: 1 }))).toBe(
    `${request} has no "ttl"`,
  );
});

it.each([0, 1, 3, '2', null, undefined])('version %s is refused', version => {
  expect(parseRequest(JSON.stringify({ request: 'list', version }))).toBe('version must be 2');
});

const LINES = times(10_000, 100_000);

it('each random line is a request of the contract, or gives a reason', () => {
  let grants = 0;
  fc.assert(
    fc.property(grantLine, text => {
      const parsed = parseRequest(text);
      if (typeof parsed === 'string') return parsed.length > 0;
      // An own field of its JSON says each word of it, and nothing else is there.
      const { version, ...fields } = JSON.parse(text);
      expect(version).toBe(PROTOCOL_VERSION);
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
