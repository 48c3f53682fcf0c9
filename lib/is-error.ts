import { types } from 'node:util';

/**
 * Whether a value is an error. `instanceof` is false of an error of another realm: jest runs modules in a context of their
 * own, and Node's errors are of the main context. `isNativeError()` is false of a DOMException.
 */
export const isError = (value: unknown): value is Error =>
  types.isNativeError(value) || value instanceof Error;
