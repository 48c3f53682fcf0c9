import { inspect } from 'node:util';
import { badArgument } from '../errors.js';

const LARGEST_PID = 2 ** 31 - 1;

/**
 * Lets through only what can be the id of a process: 1 to 2^31 - 1.
 *
 * To the kernel 0 and -1 are words ("nobody", "anyone", "my group"), and prctl() cuts a pid to 32 bits, which makes
 * 2^32 + 1 pid 1. So no other number may reach it.
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
