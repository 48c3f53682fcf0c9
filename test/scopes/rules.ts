// Which process may trace which, from the kernel's source: read from Linux 6.1, not from a run, and not from our code.
// Each rule has its file and function; an operation is the rules that it passes, in the kernel's order.

/** `kernel.yama.ptrace_scope`; null: a kernel without Yama. */
export type Scope = 0 | 1 | 2 | 3 | null;

export type Capability = 'CAP_SYS_PTRACE' | 'CAP_NET_RAW';

export interface Credentials {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  readonly gid: number;
  /** Permitted and effective. */
  readonly capabilities: readonly Capability[] | 'all';
}

/** The argument that the target gave to PR_SET_PTRACER. */
export const DECLARED = [
  'nothing',
  'any',
  'this tracer',
  "the tracer's parent",
  "the tracer's child",
  'another process',
] as const;
export type Declared = (typeof DECLARED)[number];

export interface Facts {
  readonly tracer: Credentials;
  readonly target: Credentials;
  /** A condition on the target: PTRACE_TRACEME asks about it, for any tracer. */
  readonly parent: Credentials;
  readonly dumpable: boolean;
  /** By the living: real_parent at the time of the question. */
  readonly tracerIsAncestor: boolean;
  readonly declared: Declared;
}

/**
 * security/yama/yama_lsm.c, ptracer_exception_found(): the declared process itself, and its descendants
 * (task_is_descendant(declared, tracer)); so a declared parent admits its child and a declared child not its parent.
 */
const ADMITS_THE_TRACER: Record<Declared, boolean> = {
  nothing: false,
  any: true,
  'this tracer': true,
  "the tracer's parent": true,
  "the tracer's child": false,
  'another process': false,
};

const isAdmitted = (declared: Declared) => ADMITS_THE_TRACER[declared];

const has = (who: Credentials, capability: Capability) =>
  who.capabilities === 'all' || who.capabilities.includes(capability);
const mayTraceAll = (who: Credentials) => has(who, 'CAP_SYS_PTRACE');

/** cap_issubset(ofWhom->cap_permitted, whole->cap_permitted) */
const isSubset = (ofWhom: Credentials, whole: Credentials) =>
  whole.capabilities === 'all' ||
  (ofWhom.capabilities !== 'all' && ofWhom.capabilities.every(capability => has(whole, capability)));

interface Rule {
  readonly rule: string;
  readonly kernel: string;
  readonly refuses: (facts: Facts, scope: Scope) => boolean;
}

const hasOtherIds = (uid: number, gid: number, { real, effective, saved, gid: group }: Credentials) =>
  [real, effective, saved].some(id => id !== uid) || group !== gid;

const realCredentials: Rule = {
  rule: 'credentials (REALCREDS)',
  kernel: 'kernel/ptrace.c, __ptrace_may_access()',
  refuses: ({ tracer, target }) => hasOtherIds(tracer.real, tracer.gid, target) && !mayTraceAll(tracer),
};

/** The fs uid follows the effective uid. */
const fsCredentials: Rule = {
  rule: 'credentials (FSCREDS)',
  kernel: 'kernel/ptrace.c, __ptrace_may_access()',
  refuses: ({ tracer, target }) => hasOtherIds(tracer.effective, tracer.gid, target) && !mayTraceAll(tracer),
};

const dumpable: Rule = {
  rule: 'dumpable',
  kernel: 'kernel/ptrace.c, __ptrace_may_access()',
  refuses: ({ tracer, dumpable }) => !dumpable && !mayTraceAll(tracer),
};

const capabilitySubset: Rule = {
  rule: 'capability subset',
  kernel: 'security/commoncap.c, cap_ptrace_access_check()',
  refuses: ({ tracer, target }) => !isSubset(target, tracer) && !mayTraceAll(tracer),
};

const yamaAttach: Rule = {
  rule: 'yama, attach',
  kernel: 'security/yama/yama_lsm.c, yama_ptrace_access_check()',
  refuses: ({ tracer, tracerIsAncestor, declared }, scope) => {
    if (scope === null || scope === 0) return false;
    if (scope === 1) return !tracerIsAncestor && !isAdmitted(declared) && !mayTraceAll(tracer);
    return scope === 3 || !mayTraceAll(tracer);
  },
};

const capabilitySubsetOfParent: Rule = {
  rule: "capability subset of the parent's",
  kernel: 'security/commoncap.c, cap_ptrace_traceme()',
  refuses: ({ target, parent }) => !isSubset(target, parent) && !mayTraceAll(parent),
};

const yamaTraceme: Rule = {
  rule: 'yama, traceme',
  kernel: 'security/yama/yama_lsm.c, yama_ptrace_traceme()',
  refuses: ({ parent }, scope) => scope === 3 || (scope === 2 && !mayTraceAll(parent)),
};

/**
 * Checked before the access check: mode 0400 and 0600, owned by the target's effective uid while it is dumpable and by
 * root when it isn't. "all" has CAP_DAC_OVERRIDE; CAP_SYS_PTRACE doesn't open files.
 */
const procFileOwner: Rule = {
  rule: "owner of the target's file in /proc",
  kernel: 'fs/proc/base.c, task_dump_owner(); fs/namei.c, generic_permission()',
  refuses: ({ tracer, target, dumpable }) =>
    tracer.effective !== (dumpable ? target.effective : 0) && tracer.capabilities !== 'all',
};

interface OperationRow {
  readonly mode: string;
  readonly passes: readonly Rule[];
  /** mm_access() says EACCES (kernel/fork.c), and process_vm_rw_core() makes EPERM of it (mm/process_vm_access.c). */
  readonly refusal: 'EPERM' | 'EACCES';
}

const attach: OperationRow = {
  mode: 'PTRACE_MODE_ATTACH_REALCREDS',
  passes: [realCredentials, dumpable, capabilitySubset, yamaAttach],
  refusal: 'EPERM',
};

/** Everything that a cell asks of the kernel. */
export const OPERATIONS = {
  attach,
  seize: attach,
  readv: attach,
  mem: {
    mode: 'PTRACE_MODE_ATTACH_FSCREDS',
    passes: [procFileOwner, fsCredentials, dumpable, capabilitySubset, yamaAttach],
    refusal: 'EACCES',
  },
  // READ: Yama isn't asked.
  environ: {
    mode: 'PTRACE_MODE_READ_FSCREDS',
    passes: [procFileOwner, fsCredentials, dumpable, capabilitySubset],
    refusal: 'EACCES',
  },
  // Neither ids nor dumpable are looked at.
  traceme: { mode: 'ptrace_traceme()', passes: [capabilitySubsetOfParent, yamaTraceme], refusal: 'EPERM' },
} as const satisfies Record<string, OperationRow>;

export type Operation = keyof typeof OPERATIONS;

export interface Expectation {
  /** '0' or the errno's name. */
  readonly answer: '0' | 'EPERM' | 'EACCES' | 'EINVAL';
  readonly because: string;
}

export function expectation(operation: Operation, facts: Facts, scope: Scope): Expectation {
  const { mode, passes, refusal } = OPERATIONS[operation];
  const refusing = passes.find(({ refuses }) => refuses(facts, scope));
  return refusing === undefined
    ? { answer: '0', because: `no rule of ${mode} refuses` }
    : { answer: refusal, because: `${refusing.rule}: ${refusing.kernel}` };
}

/** PR_SET_PTRACER itself: no other module knows it (kernel/sys.c, prctl(): EINVAL); with Yama, at every scope. */
export function declarationExpectation(scope: Scope): Expectation {
  return scope === null
    ? { answer: 'EINVAL', because: 'no Yama: kernel/sys.c, prctl()' }
    : { answer: '0', because: 'security/yama/yama_lsm.c, yama_task_prctl()' };
}
