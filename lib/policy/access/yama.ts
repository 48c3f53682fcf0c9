import { yamaDemand } from '../../kernel/ptrace-scope.js';
import { ACCESS_CHECKS } from './access-mode.js';
import { isDescendant, tableOf } from './ancestry.js';
import { capableOver } from './capable.js';
import { equal, type Fact } from './fact.js';
import { type Judgement, judgement, type Question } from './question.js';

const hasCapability = ({ tracer, target, host }: Question): Fact =>
  capableOver(tracer, 'CAP_SYS_PTRACE', target, host.userNsParents);

const who = ({ mode }: Question) => (mode === 'traceme' ? 'its parent' : 'the tracer');

const SCOPE_2 = "ptrace_scope 2 asks for CAP_SYS_PTRACE in the target's user namespace";

/** The judgements at ptrace_scope 2, where CAP_SYS_PTRACE in the target's user namespace decides. */
const BY_CAPABILITY = {
  true: judgement('yama-scope', 'pass', question => `${SCOPE_2}: ${who(question)} has it`),
  false: judgement('yama-scope', 'deny', question => `${SCOPE_2}: ${who(question)} hasn't`),
  null: judgement(
    'yama-scope',
    'unknown',
    question => `${SCOPE_2}: whether ${who(question)} has it isn't seen`,
  ),
};

const WITHOUT_YAMA = judgement('yama-scope', 'pass', 'this kernel runs without Yama');
const OF_READ = judgement(
  'yama-scope',
  'pass',
  'Yama checks ATTACH access only; READ access passes at every ptrace_scope',
);
const UNKNOWN_SCOPE = judgement(
  'yama-scope',
  'unknown',
  ({ host: { yama } }) => `ptrace_scope is unknown: ${yama.state === 'unknown' ? yama.cause : ''}`,
);
const SCOPE_3 = judgement(
  'yama-scope',
  'deny',
  'ptrace_scope 3: nobody attaches, root included, until the next boot',
);
const SCOPE_1 = judgement('yama-scope', 'pass', 'ptrace_scope 1 asks for a relation');
const ASKS_NOTHING = judgement(
  'yama-scope',
  'pass',
  ({ host: { yama } }) => `ptrace_scope ${yama.state === 'present' ? yama.value : ''} asks for nothing here`,
);

const isRead = ({ mode }: Question) => mode !== 'traceme' && ACCESS_CHECKS[mode].access === 'READ';

/** Kernel: security/yama/yama_lsm.c, yama_ptrace_access_check() and yama_ptrace_traceme() */
export function yamaScope(question: Question): Judgement {
  const { host, mode } = question;
  const scope = host.yama;
  if (scope.state === 'absent') return WITHOUT_YAMA;
  if (isRead(question)) return OF_READ;
  switch (yamaDemand(scope)) {
    case null:
      return UNKNOWN_SCOPE;
    case 'impossible':
      return SCOPE_3;
    case 'capability':
      return BY_CAPABILITY[`${hasCapability(question)}`];
    case 'relation':
      return mode === 'traceme' ? ASKS_NOTHING : SCOPE_1;
    case 'nothing':
      return ASKS_NOTHING;
  }
}

const isAncestor = ({ tracer, target, host }: Question): Fact =>
  isDescendant(target, tracer.tgid, host.processes);

const isAttached = ({ tracer, target }: Question): Fact =>
  target.tracerTgid === 0 ? false : equal(target.tracerTgid, tracer.tgid);

/**
 * A declaration belongs to the target's thread-group leader. The declared pid stands for a process with all its threads.
 */
export function isDeclared({ tracer, target, host: { processes } }: Question): Fact {
  if (target.tgid === null) return null;
  const table = tableOf(processes);
  const leader = target.tgid === target.pid ? target : table.get(target.tgid);
  const declared = leader?.declaredTracer ?? 'unknown';
  if (declared === 'any' || declared === 'none') return declared === 'any';
  if (declared === 'unknown') return null;
  const named = table.get(declared)?.tgid ?? null;
  if (named !== null) return isDescendant(tracer, named, processes);
  // No listed process has the declared pid: it is the pid of a thread, or of a process that has ended.
  return isDescendant(tracer, declared, processes) || null;
}

/** The relations in the order in which they are tried. One of them is enough. */
const RELATIONS: readonly { holds: (question: Question) => Fact; passes: Judgement }[] = [
  { holds: isAncestor, text: 'the tracer is an ancestor of the target' },
  { holds: isAttached, text: 'the tracer is attached to the target already' },
  { holds: isDeclared, text: 'the target has declared the tracer' },
  { holds: hasCapability, text: "the tracer has CAP_SYS_PTRACE in the target's user namespace" },
].map(({ holds, text }) => ({
  holds,
  passes: judgement('yama-relation', 'pass', `ptrace_scope 1: ${text}`),
}));

const NO_RELATION = judgement(
  'yama-relation',
  'deny',
  'ptrace_scope 1: the tracer is no ancestor of the target, is not declared by it (PR_SET_PTRACER) and has no CAP_SYS_PTRACE in its user namespace',
);

const UNSEEN_RELATION = judgement('yama-relation', 'unknown', question => {
  const [ancestor, has] = [isAncestor(question), hasCapability(question)];
  const unseen = [
    ancestor === null && 'whether the tracer is an ancestor of the target',
    isDeclared(question) === null &&
      'whether the target has declared the tracer (PR_SET_PTRACER), which only the target knows',
    isAttached(question) === null && 'which process traces the target',
    has === null && 'whether the tracer has CAP_SYS_PTRACE in the user namespace of the target',
  ].filter(text => text !== false);
  const known =
    ancestor === false && has === false
      ? 'the tracer is no ancestor of the target and has no CAP_SYS_PTRACE there; '
      : '';
  return `ptrace_scope 1: ${known}not seen is ${unseen.join(', and ')}`;
});

/** Kernel: security/yama/yama_lsm.c, task_is_descendant() and ptracer_exception_found() */
export function yamaRelation(question: Question): Judgement | null {
  const { yama } = question.host;
  if (yamaDemand(yama) !== 'relation' || question.mode === 'traceme' || isRead(question)) return null;
  let isSeen = true;
  for (const { holds, passes } of RELATIONS) {
    const fact = holds(question);
    if (fact === true) return passes;
    if (fact === null) isSeen = false;
  }
  return isSeen ? NO_RELATION : UNSEEN_RELATION;
}
