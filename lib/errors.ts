import { getSystemErrorMap, inspect } from 'node:util';

/** The name of an errno, such as `EPERM`, for a positive or negative number. */
export function errnoName(errno: number): string {
  return getSystemErrorMap().get(-Math.abs(errno))?.[0] ?? `errno ${Math.abs(errno)}`;
}

export interface FailedCall {
  syscall: string;
  /** The operation, where the call has many: `PR_SET_PTRACER`. */
  request?: string;
  pid?: number;
  /** The meaning of the error here, and what to do. */
  because?: string;
}

/**
 * The kernel failed a call whose answer was needed. A refusal that answers a question is not an error: see ProbeResult.
 */
export class SyscallError extends Error {
  /** The errno's name: `EPERM`. */
  readonly code: string;
  /** The negative errno, as in Node's own system errors. */
  readonly errno: number;
  readonly syscall: string;
  readonly request: string | undefined;
  readonly pid: number | undefined;

  constructor(errno: number, call: FailedCall, options?: ErrorOptions) {
    const code = errnoName(errno);
    const what = call.request ? `${call.syscall}(${call.request})` : call.syscall;
    const text = call.because ?? getSystemErrorMap().get(-Math.abs(errno))?.[1] ?? 'failed';
    super(`${what}: ${code}: ${text}`, options);
    this.code = code;
    this.errno = -Math.abs(errno);
    this.syscall = call.syscall;
    this.request = call.request;
    this.pid = call.pid;
  }
}
Object.defineProperty(SyscallError.prototype, 'name', { value: 'SyscallError' });

export type TracegateErrorCode =
  | 'ERR_TRACEGATE_AUDIT'
  | 'ERR_TRACEGATE_CHILD_OF_OTHER_THREAD'
  | 'ERR_TRACEGATE_CONSENT'
  | 'ERR_TRACEGATE_GRANT_ACTIVE'
  | 'ERR_TRACEGATE_GRANT_PROTOCOL'
  | 'ERR_TRACEGATE_GRANT_REFUSED'
  | 'ERR_TRACEGATE_GRANT_SOCKET'
  | 'ERR_TRACEGATE_HELPER_FAILED'
  | 'ERR_TRACEGATE_INVALID_OPTION'
  | 'ERR_TRACEGATE_INVALID_PID'
  | 'ERR_TRACEGATE_NATIVE_UNAVAILABLE'
  | 'ERR_TRACEGATE_NOT_DENIED'
  | 'ERR_TRACEGATE_NOT_GRANTED'
  | 'ERR_TRACEGATE_REMEDIATE'
  | 'ERR_TRACEGATE_SNAPSHOT';

/** A failure of tracegate itself, not of a system call. The code is the contract, the message is for people. */
export class TracegateError extends Error {
  readonly code: TracegateErrorCode;

  constructor(code: TracegateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
Object.defineProperty(TracegateError.prototype, 'name', { value: 'TracegateError' });

/** A bad argument, as Node reports it: a TypeError or RangeError with a code. */
export function badArgument(
  Kind: typeof TypeError | typeof RangeError,
  code: TracegateErrorCode,
  message: string,
): Error & { code: TracegateErrorCode } {
  return Object.assign(new Kind(message), { code });
}

/** An error about an option with a value that it can't have. */
export function badOption(name: string, wanted: string, value: unknown): Error {
  const text = `${name} must be ${wanted}, not ${inspect(value)}`;
  return badArgument(TypeError, 'ERR_TRACEGATE_INVALID_OPTION', text);
}
