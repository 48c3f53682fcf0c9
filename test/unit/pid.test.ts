// Numbers and other values that are accepted or refused as a pid.
import { expect, it } from 'vitest';
import { assertPid } from '../../lib/kernel/pid.js';

it.each([0, -1, -0, 2 ** 31, 2 ** 32 + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  '%d is a RangeError',
  value => {
    expect(() => assertPid(value)).toThrow(RangeError);
    expect(() => assertPid(value)).toThrow(expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_PID' }));
  },
);

it.each(['12', '', null, undefined, {}, [12], true])('%j is a TypeError', value => {
  expect(() => assertPid(value)).toThrow(TypeError);
  expect(() => assertPid(value)).toThrow(expect.objectContaining({ code: 'ERR_TRACEGATE_INVALID_PID' }));
});

it.each([1, 4_194_304, 2 ** 31 - 1])('%d may be a pid', value => {
  expect(() => assertPid(value)).not.toThrow();
});
