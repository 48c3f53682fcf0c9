import type { ProcessFacts } from '../kernel/process-facts.js';
import { ACCESS_CHECKS } from './access-mode.js';
import { isDescendant, tableOf } from './ancestry.js';
import { capable } from './capable.js';
import { either, equal, type Fact } from './fact.js';
import { type Host, type Judgement, judge, type Question } from './question.js';

/** What a rule says where CAP_SYS_PTRACE in the target's user namespace decides. */
function byCapability(question: Question, needs: string): Judgement {
  const { tracer, target, host, mode } = question;
  const who = mode === 'traceme' ? 'its parent' : 'the tracer';
  const has = capable(tracer, 'CAP_SYS_PTRACE', target.userNs, host.userNsParents);
  const why = { true: `${who} has it`, false: `${who} hasn't`, null: `whether ${who} has it isn't seen` };
  const outcome = has === null ? 'unknown' : has ? 'pass' : 'deny';
  return judge(
    'yama-scope',
    outcome,
    `${needs} CAP_SYS_PTRACE in the target's user namespace: ${why[`${has}`]}`,
  );
}

/** A declaration is the thread-group leader's, and names a process with its threads. */
function isDeclared(tracer: ProcessFacts, target: ProcessFacts, { processes }: Host): Fact {
  const table = tableOf(processes);
  if (target.tgid === null) return null;
  const leader = target.tgid === target.pid ? target : table.get(target.tgid);
  const declared = leader?.declaredTracer ?? 'unknown';
  if (declared === 'any' || declared === 'none') return declared === 'any';
  if (declared === 'unknown') return null;
  const named = table.get(declared)?.tgid ?? null;
  if (named !== null) return isDescendant(tracer, named, processes);
  // A pid that isn't listed: of a thread of anyone's, or of one that has ended.
  return isDescendant(tracer, declared, processes) || null;
}

function relation(question: Question): Judgement {
  const { tracer, target, host } = question;
  const isAncestor = isDescendant(target, tracer.tgid, host.processes);
  const isAttached = target.tracerTgid === 0 ? false : equal(target.tracerTgid, tracer.tgid);
  const declared = isDeclared(tracer, target, host);
  const has = capable(tracer, 'CAP_SYS_PTRACE', target.userNs, host.userNsParents);

  const admitting = [
    [isAncestor, 'the tracer is its ancestor'],
    [isAttached, 'the tracer is attached to it already'],
    [declared, 'it has declared the tracer'],
    [has, "the tracer has CAP_SYS_PTRACE in the target's user namespace"],
  ] as const;
  const found = admitting.find(([holds]) => holds === true);
  if (found !== undefined) return judge('yama-relation', 'pass', `ptrace_scope 1: ${found[1]}`);

  const admits = either(isAncestor, isAttached, declared, has);
  if (admits === false) {
    return judge(
      'yama-relation',
      'deny',
      'ptrace_scope 1: the tracer is no ancestor of it, is not declared by it (PR_SET_PTRACER) and has no CAP_SYS_PTRACE in its user namespace',
    );
  }
  const unseen = [
    isAncestor === null && 'whether the tracer is its ancestor',
    declared === null && 'whether it has declared the tracer (PR_SET_PTRACER), which only it knows',
    isAttached === null && 'who traces it',
    has === null && 'whether the tracer has CAP_SYS_PTRACE in its user namespace',
  ].filter(text => text !== false);
  const known =
    isAncestor === false && has === false
      ? 'the tracer is no ancestor of it and has no CAP_SYS_PTRACE there; '
      : '';
  return judge('yama-relation', 'unknown', `ptrace_scope 1: ${known}not seen is ${unseen.join(', and ')}`);
}

/** security/yama/yama_lsm.c, yama_ptrace_access_check() and yama_ptrace_traceme() */
export function yama(question: Question): Judgement[] {
  const { host, mode } = question;
  const scope = host.yama;
  const isTraceme = mode === 'traceme';
  if (scope.state === 'absent') return [judge('yama-scope', 'pass', 'this kernel runs without Yama')];
  if (!isTraceme && ACCESS_CHECKS[mode].access === 'READ') {
    return [judge('yama-scope', 'pass', 'Yama looks at ATTACH access only, at no ptrace_scope at READ')];
  }
  if (scope.state === 'unknown') {
    return [judge('yama-scope', 'unknown', `ptrace_scope is unknown: ${scope.cause}`)];
  }
  if (scope.value === 3) {
    return [
      judge('yama-scope', 'deny', 'ptrace_scope 3: nobody attaches, root included, until the next boot'),
    ];
  }
  if (scope.value === 2) return [byCapability(question, 'ptrace_scope 2 asks for')];
  if (scope.value === 0 || isTraceme) {
    return [judge('yama-scope', 'pass', `ptrace_scope ${scope.value} asks for nothing here`)];
  }
  return [judge('yama-scope', 'pass', 'ptrace_scope 1 asks for a relation'), relation(question)];
}
