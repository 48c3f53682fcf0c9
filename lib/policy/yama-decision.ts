import { type PtraceScope, yamaDemand } from '../kernel/ptrace-scope.js';
import type { Access } from './class-access.js';
import { both, either, type Fact } from './fact.js';

/**
 * Whether a tracer passes all rules, Yama's included.
 *
 * Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check()
 *
 * @param isRelated whether the tracer has one of the relations that ptrace_scope 1 asks for
 */
export function yamaDecision(
  scope: PtraceScope,
  { withoutYama, viaCapability }: Access,
  isRelated: Fact,
): Fact {
  switch (yamaDemand(scope)) {
    case 'nothing':
      return withoutYama;
    case 'relation':
      return either(viaCapability, both(withoutYama, isRelated));
    case 'capability':
      return viaCapability;
    case 'impossible':
      return false;
    case null:
      return both(withoutYama, null);
  }
}
