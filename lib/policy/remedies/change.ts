import type { ProcessFacts, SeenIds } from '../../kernel/process-facts.js';
import { afterExec, type Program } from '../access/after-exec.js';
import type { Question } from '../access/question.js';
import type { RuleId } from '../access/verdict.js';
import type { Surroundings } from './surroundings.js';

/** One action of a remedy. */
export interface Action {
  /** The person or process that does it: `root`, `you`, or a process with its pid. */
  who: string;
  what: string;
  /** A command that works where the remedy is shown. */
  command: string | null;
  /** A call for the target's own code. */
  call: string | null;
  /** What else the change makes possible. */
  opens: string;
}

/** One change that a person or a process can make, and its effect on the facts. */
export interface Change extends Action {
  /** The rules whose answer the change can alter. */
  alters: readonly RuleId[];
  /** How much the change opens, from least to most. */
  power: 0 | 1 | 2 | 3 | 4 | 5 | 6;
  /** Changes with the same name are degrees of one change. Where the smaller degree helps, the larger is not offered. */
  degreeOf?: 'scope' | 'capability';
  apply(question: Question): Question;
}

export type Offer = (question: Question, surroundings: Surroundings) => Change | null;

export const allIds = (id: number): SeenIds => ({ real: id, effective: id, saved: id, fs: id });

/** The id, where the real, effective and saved ids are the same; otherwise null. */
export function onlyId({ real, effective, saved }: SeenIds): number | null {
  return real !== null && real === effective && real === saved ? real : null;
}

/**
 * The question with changed facts of the tracer. If the tracer is a program that is not started yet, the changes apply to
 * the starter, and the tracer's facts are computed by the exec.
 *
 * @param ambient the starter's ambient capabilities
 */
export function withTracer(
  question: Question,
  changes: Partial<ProcessFacts>,
  ambient: string | null = question.program?.credentials.ambient ?? null,
): Question {
  const { program } = question;
  if (program === undefined) return { ...question, tracer: { ...question.tracer, ...changes } };
  const credentials = { ...program.credentials, ambient };
  return startedBy(question, { ...program, starter: { ...program.starter, ...changes }, credentials });
}

const startedBy = (question: Question, program: Program): Question => ({
  ...question,
  program,
  tracer: afterExec(program, question.host).facts,
});

/** The question with changed facts of the program's file, where the tracer is a program that is not started yet. */
export function withProgramFile(question: Question, changes: Partial<Program['file']>): Question {
  const { program } = question;
  if (program === undefined) return question;
  return startedBy(question, { ...program, file: { ...program.file, ...changes } });
}

export const withTarget = (question: Question, changes: Partial<ProcessFacts>): Question => {
  const target = { ...question.target, ...changes };
  const processes = question.host.processes.map(facts => (facts.pid === target.pid ? target : facts));
  return { ...question, target, host: { ...question.host, processes } };
};

export const EVERY_CAPABILITY = 'ffffffffffffffff';
export const NO_CAPABILITY = '0000000000000000';

export function joined(mask: string | null, more: bigint): string {
  return (BigInt(`0x${mask ?? '0'}`) | more).toString(16).padStart(16, '0');
}

const UNSEEN_INITIAL = 'the initial one';

/** Puts the tracer into the initial user namespace, even if that namespace isn't seen from here. */
export function inInitialNamespace(question: Question): Question {
  const { host } = question;
  const seen = Object.keys(host.userNsParents).find(id => host.userNsParents[id]?.parent === 'none');
  const id = seen ?? UNSEEN_INITIAL;
  const initial = { parent: 'none', owner: 0, root: null } as const;
  const userNsParents = { ...host.userNsParents, [id]: host.userNsParents[id] ?? initial };
  return withTracer({ ...question, host: { ...host, userNsParents } }, { userNs: id, userNsRuledOut: null });
}

export const isInInitialNamespace = ({ tracer: { userNs }, host }: Question) =>
  userNs === null || host.userNsParents[userNs]?.parent === 'none';

export const PTRACE_RULES: readonly RuleId[] = [
  'file-permission',
  'credentials',
  'dumpable',
  'capability-subset',
  'yama-scope',
  'yama-relation',
];

/**
 * The rules that CAP_PERFMON in the initial user namespace passes. Kernel: kernel/events/core.c, perf_check_permission()
 */
export const PERFMON_RULES: readonly RuleId[] = [
  'perf-paranoid',
  'credentials',
  'dumpable',
  'capability-subset',
];

/** The capability that helps with this access mode, and the rules that the capability passes. */
export const capabilityFor = ({ mode }: Question) =>
  mode === 'perf'
    ? ({ capability: 'CAP_PERFMON', rules: PERFMON_RULES } as const)
    : ({ capability: 'CAP_SYS_PTRACE', rules: PTRACE_RULES } as const);

/** @param isOutside the tracer runs outside of its container or sandbox, whose bounding set then doesn't apply */
export const asRoot = (question: Question, isOutside: boolean): Question =>
  inInitialNamespace(
    withTracer(
      question,
      {
        uids: allIds(0),
        gids: allIds(0),
        capPermitted: EVERY_CAPABILITY,
        capEffective: EVERY_CAPABILITY,
        ...(isOutside && { capBounding: EVERY_CAPABILITY }),
        ...(question.program !== undefined && { noNewPrivs: false }),
      },
      NO_CAPABILITY,
    ),
  );

/** Under no_new_privs the program that sudo executes gains nothing. Kernel: fs/exec.c, bprm_fill_uid() */
export const whoIsRoot = ({ tracer: { noNewPrivs } }: Question): string =>
  noNewPrivs
    ? 'root, from a shell without no_new_privs (under it, sudo gives nothing)'
    : 'root, or a user with sudo rights';
export const asRootOf = ({ tracer: { noNewPrivs } }: Question, command: string): string =>
  noNewPrivs ? command : `sudo ${command}`;

/** Whether an exec as root can give all of these capabilities. The bounding set is the limit. */
export const mayRegain = (mask: bigint, { tracer: { capBounding } }: Question) =>
  capBounding === null || (mask & ~BigInt(`0x${capBounding}`)) === 0n;
