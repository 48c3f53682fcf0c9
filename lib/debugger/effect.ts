import { TracegateError } from '../errors.js';
import { type PtraceScope, readPtraceScope } from '../kernel/yama.js';

/**
 * Whom a grant lets in on this kernel: `effective`: who was asked for, and nobody else; `wider-than-asked`: every process of the
 * uid; `insufficient`: not the debugger either; `unknown`.
 */
export type GrantEffect = 'effective' | 'wider-than-asked' | 'insufficient' | 'unknown';

export interface Effect {
  effect: GrantEffect;
  reason: string;
}

const WIDER = 'while it is open every process of this uid may attach, not the debugger alone';

/** Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() */
export function effectAt(scope: PtraceScope): Effect {
  if (scope.state === 'unknown')
    return { effect: 'unknown', reason: `ptrace_scope is unknown: ${scope.cause}` };
  if (scope.state === 'absent')
    return { effect: 'wider-than-asked', reason: `this kernel runs without Yama: ${WIDER}` };
  switch (scope.value) {
    case 0:
      return { effect: 'wider-than-asked', reason: `at ptrace_scope 0 ${WIDER}` };
    case 1:
      return {
        effect: 'effective',
        reason: 'at ptrace_scope 1 the declared debugger may attach, with its descendants',
      };
    case 2:
      return {
        effect: 'insufficient',
        reason: 'at ptrace_scope 2 only a holder of CAP_SYS_PTRACE may attach, and may so without a grant',
      };
    case 3:
      return { effect: 'insufficient', reason: 'at ptrace_scope 3 nobody may attach, until the next boot' };
  }
}

/** What a grant would be worth here and now, before one is given. */
export const grantEffect = (): Effect => effectAt(readPtraceScope());

/** One that lets the debugger in. */
export interface OpeningEffect extends Effect {
  effect: 'effective' | 'wider-than-asked';
}

/** @throws TracegateError `ERR_TRACEGATE_NOT_GRANTED`, with `effect` */
export function assertOpens({ effect, reason }: Effect, allowSameUid: boolean): OpeningEffect {
  if (effect === 'effective' || (effect === 'wider-than-asked' && allowSameUid)) return { effect, reason };
  const remedy = effect === 'wider-than-asked' ? ' (allowSameUid: true opens it all the same)' : '';
  const message = `the debugger is not let in: ${reason}${remedy}`;
  throw Object.assign(new TracegateError('ERR_TRACEGATE_NOT_GRANTED', message), { effect });
}
