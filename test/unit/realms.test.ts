// jest runs the modules of a test in a context of node:vm. A class of the main context is then another class than the one
// of the same name in the test: `instanceof` is false.
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { isError } from '../../lib/is-error.js';
import { isSystemError } from '../../lib/kernel/proc-files.js';
import { ABORT_SIGNAL } from '../../lib/options.js';

/** What a call throws that another context makes. */
const thrownIn = (code: string) => runInNewContext(`try { ${code} } catch (error) { error }`);

it('an error of another realm is an error, and a value that is none is not', () => {
  const foreign = thrownIn("throw new TypeError('of elsewhere')");
  expect(foreign instanceof Error).toBe(false);
  for (const error of [foreign, new Error('ours'), AbortSignal.abort().reason])
    expect(isError(error)).toBe(true);
  for (const value of [undefined, null, 'text', {}, { message: 'text', name: 'Error' }, Error])
    expect(isError(value)).toBe(false);
});

it("a refusal of the system is known by its code, also if Node's error is of another realm", () => {
  const error = thrownIn("throw Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open' })");
  expect(isSystemError(error)).toBe(true);
  expect(isSystemError(thrownIn("throw new Error('no code')"))).toBe(false);
});

it('a signal of another realm is a signal', () => {
  const signal = runInNewContext('({ aborted: false, addEventListener() {} })');
  expect(ABORT_SIGNAL.accepts(signal)).toBe(true);
  for (const value of [null, undefined, {}, 'signal', new EventTarget()])
    expect(ABORT_SIGNAL.accepts(value)).toBe(false);
});
