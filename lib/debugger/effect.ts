import { TracegateError } from '../errors.js';
import { type PtraceScope, yamaDemand } from '../kernel/ptrace-scope.js';
import { readPtraceScope } from '../kernel/yama.js';

/**
 * The processes that a grant allows to attach on this kernel. `effective`: the debugger and its descendants, beside the ancestors of the process.
 * `wider-than-asked`: every process of the uid. `insufficient`: the debugger is refused too. `unknown`: ptrace_scope is unknown.
 */
export type GrantEffect = 'effective' | 'wider-than-asked' | 'insufficient' | 'unknown';

/** The effect of a grant, and its reason in words. */
export interface Effect {
  effect: GrantEffect;
  reason: string;
}

const WIDER = 'while the grant is open every process of this uid may attach, not only the debugger';

/** The effect of a grant at that ptrace_scope. Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() */
export function effectAt(scope: PtraceScope): Effect {
  if (scope.state === 'unknown')
    return { effect: 'unknown', reason: `ptrace_scope is unknown: ${scope.cause}` };
  switch (yamaDemand(scope)) {
    case 'nothing':
      return {
        effect: 'wider-than-asked',
        reason: `${scope.state === 'absent' ? 'this kernel runs without Yama:' : 'at ptrace_scope 0'} ${WIDER}`,
      };
    case 'relation':
      return {
        effect: 'effective',
        reason:
          'at ptrace_scope 1 the declared debugger may attach, with its descendants; so may the ancestors of this process',
      };
    case 'capability':
      return {
        effect: 'insufficient',
        reason: 'at ptrace_scope 2 only a holder of CAP_SYS_PTRACE may attach, and needs no grant for that',
      };
    case 'impossible':
      return { effect: 'insufficient', reason: 'at ptrace_scope 3 nobody may attach, until the next boot' };
  }
}

/**
 * The effect that a grant would have at the running ptrace_scope.
 *
 * Applies to: this process, before allowDebugger(), spawnDebugger() or onCrash().
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check()
 *
 * @throws nothing: a ptrace_scope that can't be read is the effect `unknown`
 * @example
 * ```js
 * import assert from 'node:assert/strict';
 * import { readPtraceScope } from 'tracegate';
 * import { grantEffect } from 'tracegate/debugger';
 *
 * const { effect, reason } = grantEffect();
 * console.error(reason);
 * assert.equal(effect === 'effective', readPtraceScope().value === 1);
 * ```
 */
export const grantEffect = (): Effect => effectAt(readPtraceScope());

/** An effect with which the debugger may attach. */
export interface OpeningEffect extends Effect {
  effect: 'effective' | 'wider-than-asked';
}

/** @throws TracegateError `ERR_TRACEGATE_NOT_GRANTED`, with `effect` */
export function assertOpens({ effect, reason }: Effect, allowSameUid: boolean): OpeningEffect {
  if (effect === 'effective' || (effect === 'wider-than-asked' && allowSameUid)) return { effect, reason };
  const remedy = effect === 'wider-than-asked' ? ' (allowSameUid: true opens it nevertheless)' : '';
  const message = `the debugger is not allowed: ${reason}${remedy}`;
  throw Object.assign(new TracegateError('ERR_TRACEGATE_NOT_GRANTED', message), { effect });
}
