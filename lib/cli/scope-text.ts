import type { PtraceScope } from '../kernel/ptrace-scope.js';

const SCOPE_MEANING = {
  0: 'every process of the same uid may attach to one that is dumpable',
  1: 'only ancestors, declared tracers and holders of CAP_SYS_PTRACE may attach',
  2: 'only holders of CAP_SYS_PTRACE may attach',
  3: 'nobody may attach, until the next boot',
} as const;

export function describeScope(scope: PtraceScope): string {
  if (scope.state === 'absent')
    return 'no Yama in this kernel: every process of the same uid may attach to one that is dumpable';
  if (scope.state === 'unknown') return `unknown: ${scope.cause}`;
  return `${scope.value} (${scope.name}): ${SCOPE_MEANING[scope.value]}`;
}
