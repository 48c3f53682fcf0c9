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
 *
 * @example
 * ```js
 * import { explain, SyscallError } from 'tracegate';
 *
 * const tracer = 2 ** 22 + 1; // no pid is that large
 * const error = await explain(process.pid, { tracer }).catch(error => error);
 * console.log(error instanceof SyscallError, error.code, error.pid === tracer); // true ESRCH true
 * ```
 */
export class SyscallError extends Error {
  /** The errno's name: `EPERM`. */
  readonly code: string;
  /** The negative errno, as in Node's own system errors. */
  readonly errno: number;
  readonly syscall: string;
  /** The operation, where the call has many: `PR_SET_PTRACER`. */
  readonly request: string | undefined;
  /** The process that the call was about. */
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

/** The codes of tracegate's own failures. */
export type TracegateErrorCode =
  /** The audited root or its profile can't be read. */
  | 'ERR_TRACEGATE_AUDIT'
  /** No source of access events can be opened here. */
  | 'ERR_TRACEGATE_CANNOT_WATCH'
  /** The target is a child of another thread's event loop, which would take an attach for the child's end. */
  | 'ERR_TRACEGATE_CHILD_OF_OTHER_THREAD'
  /** A change needs a consent that was not given. */
  | 'ERR_TRACEGATE_CONSENT'
  /** Another grant, or another crash handler, is open. */
  | 'ERR_TRACEGATE_GRANT_ACTIVE'
  /** In a reply of the grant server: the request is malformed or too late. */
  | 'ERR_TRACEGATE_GRANT_PROTOCOL'
  /** In a reply of the grant server: the request was not authorized, or could not be logged. */
  | 'ERR_TRACEGATE_GRANT_REFUSED'
  /** The grant socket can't be served privately, or nobody serves it. */
  | 'ERR_TRACEGATE_GRANT_SOCKET'
  /** A helper program could not be started, or ended without an answer. */
  | 'ERR_TRACEGATE_HELPER_FAILED'
  /** An option is unknown or has a wrong value. The error is a TypeError. */
  | 'ERR_TRACEGATE_INVALID_OPTION'
  /** A pid is no integer from 1 to 2^31 - 1, or no process that can be meant. The error is a TypeError or RangeError. */
  | 'ERR_TRACEGATE_INVALID_PID'
  /** The addon or the launcher is missing or can't be loaded. */
  | 'ERR_TRACEGATE_NATIVE_UNAVAILABLE'
  /** A command could not be confined, and was not started. */
  | 'ERR_TRACEGATE_NOT_CONFINED'
  /** A channel could not be closed. */
  | 'ERR_TRACEGATE_NOT_DENIED'
  /** On this kernel a grant would allow more processes than the debugger, or would not even allow the debugger. */
  | 'ERR_TRACEGATE_NOT_GRANTED'
  /** A recording can't be read or written. */
  | 'ERR_TRACEGATE_RECORDING'
  /** A change of ptrace_scope is impossible, failed, or met another run. */
  | 'ERR_TRACEGATE_REMEDIATE'
  /** A snapshot can't be read, or is too large for a map. */
  | 'ERR_TRACEGATE_SNAPSHOT';

/**
 * A failure of tracegate itself, not of a system call. The code is the contract, the message is for people.
 *
 * @example
 * ```js
 * import { TracegateError } from 'tracegate';
 * import { read } from 'tracegate/snapshot';
 *
 * const error = await read('/dev/null').catch(error => error);
 * console.log(error instanceof TracegateError, error.code); // true ERR_TRACEGATE_SNAPSHOT
 * ```
 */
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
