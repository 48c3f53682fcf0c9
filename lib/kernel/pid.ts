import { inspect } from 'node:util';
import { badArgument } from '../errors.js';

const LARGEST_PID = 2 ** 31 - 1;

/**
 * Accepts only a possible process id: 1 to 2^31 - 1.
 *
 * For the kernel 0 and -1 have meanings of their own ("nobody", "anyone", "my group"). prctl() cuts a pid to 32 bits,
 * which turns 2^32 + 1 into pid 1. So no other number may reach the kernel.
 *
 * @throws TypeError, RangeError `ERR_TRACEGATE_INVALID_PID`
 */
export function assertPid(value: unknown): asserts value is number {
  if (typeof value !== 'number') {
    throw badArgument(
      TypeError,
      'ERR_TRACEGATE_INVALID_PID',
      `a pid must be a number, not ${inspect(value)}; convert it first`,
    );
  }
  if (!Number.isInteger(value) || value < 1 || value > LARGEST_PID) {
    throw badArgument(
      RangeError,
      'ERR_TRACEGATE_INVALID_PID',
      `a pid must be an integer from 1 to ${LARGEST_PID}, not ${inspect(value)}`,
    );
  }
}
