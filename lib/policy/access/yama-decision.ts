import { type PtraceScope, yamaDemand } from '../../kernel/ptrace-scope.js';
import { both, either, type Fact } from './fact.js';

/** The access of one process of a class to another process of a class. */
export interface Access {
  /** The answer of all rules except Yama's. */
  withoutYama: Fact;
  /** The same, together with CAP_SYS_PTRACE in the target's user namespace, which Yama accepts. */
  viaCapability: Fact;
}

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
