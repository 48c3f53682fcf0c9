import { type CoreTemplate, coreTemplate } from './name.js';
import { placeRules, templateFor } from './place.js';
import {
  coreLimit,
  corePattern,
  deny,
  dumpable,
  type Finding,
  processState,
  type Question,
  support,
  writingsOf,
} from './rules.js';
import {
  CORE_REFERENCES,
  type CoreFacts,
  type CoreRuleId,
  type CoreStep,
  type CoreVerdict,
} from './verdict.js';

/** Where a core of this process goes. Null: there is no such process. */
export function templateOf({
  settings,
  process,
}: Pick<CoreFacts, 'settings' | 'process'>): CoreTemplate | null {
  if (process === null) return null;
  const [writing = 'user'] = writingsOf(process);
  return coreTemplate(settings, process, writing);
}

/** Security modules that can refuse to let a process create a file. */
const MODULES = ['landlock', 'bpf', 'apparmor', 'selinux', 'smack'];

function unseenOf({ host, target }: Question, template: CoreTemplate): string[] {
  if (template.kind !== 'file') return template.kind === 'pipe' ? ['helper'] : ['server'];
  const mayBeActive = (name: string) =>
    host.lsms !== null ? host.lsms.includes(name) : !host.lsmsRuledOut.includes(name);
  const isConfined = (name: string) => name !== 'apparmor' || target.lsmLabel !== 'unconfined';
  return ['posix-acl', 'file-system', ...MODULES.filter(name => mayBeActive(name) && isConfined(name))];
}

const step = (rule: CoreRuleId, finding: Finding): CoreStep => ({
  rule,
  ...finding,
  reference: CORE_REFERENCES[rule],
});

/** After one of these refusals no later rule is of interest: there is no crash, or no core dump. */
const isOver = ({ outcome, rule }: CoreStep) =>
  outcome === 'deny' && ['kernel-thread', 'zombie', 'exiting', 'no-support'].includes(rule);

function stepsOf(question: Question, template: CoreTemplate): CoreStep[] {
  const first = [step(...processState(question)), step('no-support', support(question))];
  const end = first.findIndex(isOver);
  if (end >= 0) return first.slice(0, end + 1);
  const pattern = step('core-pattern', corePattern(template, question.settings.pattern));
  const rest =
    template.kind === 'unusable' || template.kind === 'unknown'
      ? []
      : [
          step('core-limit', coreLimit(template, question)),
          ...placeRules(question, template).map(([rule, finding]) => step(rule, finding)),
        ];
  return [...first, step('dumpable', dumpable(question)), pattern, ...rest];
}

/**
 * Checks, rule by rule, whether a process leaves a core if a signal like SIGSEGV ends it now. Pure.
 *
 * Applies to: pure data.
 *
 * Kernel: fs/coredump.c, do_coredump(), since 6.17 vfs_coredump()
 *
 * @throws nothing: a fact that isn't seen makes the verdict `unknown`
 * @see docs/core-dumps.md
 * @example
 * ```js
 * import { explainCoreDump } from 'tracegate/explain';
 * import { checkCoreDump } from 'tracegate/policy';
 *
 * const { facts } = explainCoreDump(process.pid);
 * const closed = { ...facts, process: { ...facts.process, dumpable: ['disabled'] } };
 * const { verdict, decidedBy } = checkCoreDump(closed);
 * console.log(verdict, decidedBy); // denied dumpable
 * ```
 */
export function checkCoreDump(facts: CoreFacts): CoreVerdict {
  const { target, process } = facts;
  if (target === null || process === null) {
    const rule = 'no-such-process';
    return {
      verdict: 'denied',
      decidedBy: rule,
      steps: [step(rule, deny('no process has this pid'))],
      undetectable: [],
    };
  }
  const question: Question = { ...facts, target, process };
  const template = templateFor(question, writingsOf(process)[0] ?? 'user');
  const steps = stepsOf(question, template);
  const refusing = steps.find(({ outcome }) => outcome === 'deny');
  if (refusing !== undefined) return { verdict: 'denied', decidedBy: refusing.rule, steps, undetectable: [] };
  const undetectable = unseenOf(question, template);
  const open = steps.find(({ outcome }) => outcome === 'unknown');
  const last = steps.at(-1)?.rule ?? 'dumpable';
  return open === undefined
    ? { verdict: 'allowed', decidedBy: last, steps, undetectable }
    : { verdict: 'unknown', decidedBy: open.rule, steps, undetectable };
}
