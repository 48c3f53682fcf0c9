import { badOption } from '../errors.js';

const NAMES = ['classic', 'restricted', 'admin-only', 'no-attach'] as const;

/** A value of `kernel.yama.ptrace_scope`. */
export type PtraceScopeValue = 0 | 1 | 2 | 3;
/** The name of each value, from 0 to 3, as the kernel's documentation has it. */
export type PtraceScopeName = (typeof NAMES)[number];

/** The ptrace_scope of a kernel. */
export type PtraceScope =
  | { state: 'present'; value: PtraceScopeValue; name: PtraceScopeName }
  /** The kernel runs without Yama, so only the classic rules hold. */
  | { state: 'absent' }
  /** The file can't be read, or has another text than the four values. */
  | { state: 'unknown'; cause: string };

/** Parses the text of the file. Anything but one of the four values is unknown, never "permissive". */
export function parsePtraceScope(text: string): PtraceScope {
  const value = text.trim();
  const name = /^[0-3]$/.test(value) ? NAMES[Number(value)] : undefined;
  if (name === undefined)
    return { state: 'unknown', cause: `not a scope: ${JSON.stringify(text.slice(0, 32))}` };
  return { state: 'present', value: Number(value) as PtraceScopeValue, name };
}

/** @throws TypeError `ERR_TRACEGATE_INVALID_OPTION` */
export function scopeOf(value: PtraceScopeValue): PtraceScope {
  const name = NAMES[value];
  if (name === undefined) throw badOption('scope', '0, 1, 2 or 3', value);
  return { state: 'present', value, name };
}

/**
 * What Yama asks of a tracer at ATTACH access, beyond the rules that hold without Yama:
 *
 * - `nothing`;
 * - `relation`: the tracer is an ancestor of the target, is attached to it, or is declared by it; or it has CAP_SYS_PTRACE;
 * - `capability`: CAP_SYS_PTRACE in the user namespace of the target;
 * - `impossible`: no tracer passes.
 */
export type YamaDemand = 'nothing' | 'relation' | 'capability' | 'impossible';

const DEMANDS: Record<PtraceScopeValue, YamaDemand> = {
  0: 'nothing',
  1: 'relation',
  2: 'capability',
  3: 'impossible',
};

/**
 * The demand of a ptrace_scope. Null: the scope is unknown.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check()
 */
export function yamaDemand(scope: Exclude<PtraceScope, { state: 'unknown' }>): YamaDemand;
export function yamaDemand(scope: PtraceScope): YamaDemand | null;
export function yamaDemand(scope: PtraceScope): YamaDemand | null {
  if (scope.state === 'unknown') return null;
  return scope.state === 'absent' ? 'nothing' : DEMANDS[scope.value];
}
