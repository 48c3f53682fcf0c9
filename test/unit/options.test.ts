// Every function of the package treats its options object alike: it refuses an unknown name, and treats an undefined
// option as absent.
import { expect, it } from 'vitest';
import { audit, remediate } from '../../lib/audit/index.js';
import { allowDebugger, onCrash, serveGrants, spawnDebugger } from '../../lib/debugger/index.js';
import { explainSync, explanationText } from '../../lib/explain/index.js';
import { denyTracing, probe, probeSync, spawnDenied } from '../../lib/index.js';
import { mapHost } from '../../lib/map/index.js';
import { BOOLEAN, checkedOptions, integer, oneOf, text } from '../../lib/options.js';
import { reach } from '../../lib/policy/index.js';
import { observe } from '../../lib/snapshot.js';
import { spawnRelative } from '../../lib/testing/index.js';

type Options = Record<string, unknown>;
const { pid } = process;
const snapshot = observe({ pids: [pid] });

/** What each is called with, and one of its options with a value that it can't have. */
// biome-ignore lint/suspicious/noExplicitAny: options that their types refuse
const CALLS: [name: string, call: (options: any) => unknown, wrong: Options][] = [
  ['explain', options => explainSync(1, options), { scope: 7 }],
  ['explanationText', options => explanationText(explainSync(1), options), { width: 'wide' }],
  ['probe', options => probe(1, options), { method: 'look' }],
  ['probeSync', options => probeSync(1, options), { as: 'root' }],
  ['audit', options => audit(options), { root: 7 }],
  ['remediate', options => remediate({ scope: 1, root: '/nowhere', ...options }), { apply: 1 }],
  ['observe', options => observe({ pids: [pid], ...options }), { onProgress: 7 }],
  ['reach', options => reach(snapshot, pid, options), { scope: 4 }],
  ['mapHost', options => mapHost(snapshot, options), { exposed: -1 }],
  ['denyTracing', options => denyTracing(options), { verify: 'yes' }],
  ['spawnDenied', options => spawnDenied('true', [], options), { deny: 'no' }],
  ['allowDebugger', options => allowDebugger('any', options), { ttl: 0 }],
  ['spawnDebugger', options => spawnDebugger('true', ['{}'], options), { whenBusy: 'wait' }],
  ['onCrash', options => onCrash('true', ['{}'], options), { timeout: 0 }],
  ['serveGrants', options => serveGrants({ path: '/nowhere/s', allow: {}, ...options }), { maxTtl: -1 }],
  ['spawnRelative', options => spawnRelative('child', options), { credentials: { uid: -1, gid: 0 } }],
];

async function refusal(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

it.each(CALLS)('%s refuses an unknown name, also with the value undefined', async (_name, call) => {
  for (const value of [true, undefined]) {
    expect(await refusal(() => call({ misspelled: value }))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_TRACEGATE_INVALID_OPTION',
      message: expect.stringMatching(/^an option must be one of \w+.*, not 'misspelled'$/),
    });
  }
});

it.each(CALLS)(
  '%s refuses an invalid value, and names the option and the value',
  async (_name, call, wrong) => {
    const [[name, value] = []] = Object.entries(wrong);
    expect(await refusal(() => call(wrong))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_TRACEGATE_INVALID_OPTION',
      message: expect.stringMatching(
        new RegExp(`^${name}(\\.uid)? must be .*, not '?${value instanceof Object ? -1 : value}`),
      ),
    });
  },
);

const KINDS = { ttl: integer('milliseconds'), log: BOOLEAN, mode: oneOf(['a', 'b']), path: text('a path') };
const DEFAULTS = { ttl: 300, log: false };

it('an undefined option leaves the default', () => {
  const given: Options = checkedOptions({ ttl: undefined, log: true }, KINDS as never);
  expect({ ...DEFAULTS, ...given }).toEqual({ ttl: 300, log: true });
});

it.each([
  [[], /^options must be an object, not \[\]$/],
  ['ttl', /^options must be an object, not 'ttl'$/],
  [{ ttl: 0 }, /^ttl must be milliseconds from 1 to 2147483647, not 0$/],
  [{ ttl: 1.5 }, /^ttl must be milliseconds from 1 to 2147483647, not 1.5$/],
  [{ mode: 'c' }, /^mode must be 'a' or 'b', not 'c'$/],
  [{ path: '' }, /^path must be a path, not ''$/],
  [{ toString: 1 }, /^an option must be one of ttl, log, mode, path, not 'toString'$/],
])('%j is refused', (options, message) => {
  expect(() => checkedOptions(options as never, KINDS as never)).toThrow(message);
});
