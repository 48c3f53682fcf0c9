import type { RuleId } from '../../policy/access/verdict.js';
import type { AssumedBy } from '../../policy/reach/assumable-credentials.js';
import type { Passage, ReachStep } from '../../policy/reach/reach.js';
import type { ClassState, Scope } from '../graph/states.js';

export const SCOPE_NAMES: Record<Scope, string> = {
  0: 'classic',
  1: 'restricted',
  2: 'admin-only',
  3: 'no attach',
};

export const SCOPE_MEANS: Record<Scope, string> = {
  0: 'A process may trace any other that has its ids and is dumpable.',
  1: 'A process may trace its own descendants, and those that declared it (PR_SET_PTRACER); all else takes CAP_SYS_PTRACE.',
  2: 'Only a holder of CAP_SYS_PTRACE may trace.',
  3: 'Nobody may attach, until the next boot.',
};

export const STATES: Record<ClassState, { name: string; means: string }> = {
  open: { name: 'open', means: 'a process without CAP_SYS_PTRACE over everything surely may trace it' },
  unknown: { name: 'not seen', means: 'a process may be allowed: a fact that decides isn’t seen' },
  closed: { name: 'closed', means: 'only a process with CAP_SYS_PTRACE over everything may trace it' },
  capable: { name: 'ptrace-capable', means: 'holds, or can take, CAP_SYS_PTRACE over everything' },
};

const RULES: Record<Passage, string> = {
  credentials: 'same ids: the target’s uids and gids are the tracer’s, and it has no capability more',
  capability: 'CAP_SYS_PTRACE over the target',
  ancestor: 'the tracer is an ancestor of the target, which ptrace_scope 1 allows',
  attached: 'the tracer traces the target already',
  declared: 'the target has declared the tracer, or any process (PR_SET_PTRACER)',
};

const ASSUMED: Record<AssumedBy, string> = {
  itself: 'as it is',
  'set-ids': 'after it has changed its ids (setresuid, setresgid)',
  exec: 'after it has executed a program as uid 0, if that regains capabilities',
  setns: 'after it has entered the target’s user namespace, if it finds a way to name it',
};

const UNSEEN: Partial<Record<RuleId, string>> = {
  'yama-scope': 'what ptrace_scope is',
  'yama-relation': 'whether the target has declared a tracer, or descends from this one',
  dumpable: 'whether the target is dumpable',
  credentials: 'an id',
  'capability-subset': 'the capabilities of one of the two',
  landlock: 'whether Landlock confines the tracer',
  'other-lsm': 'whether another security module refuses',
  seccomp: 'whether a seccomp filter refuses the call',
};

const unseenText = (rules: readonly RuleId[]) => rules.map(rule => UNSEEN[rule] ?? rule).join('; ');

export interface StepWords {
  rule: string;
  as: string;
  undetermined: string | null;
}

export const stepWords = ({ rule, as, undetermined }: ReachStep): StepWords => ({
  rule: RULES[rule],
  as: ASSUMED[as],
  undetermined: undetermined.length > 0 ? `not seen: ${unseenText(undetermined)}` : null,
});

export const dumpableText = (dumpable: boolean | null): string =>
  dumpable === null ? 'not seen' : dumpable ? 'yes' : 'no';
