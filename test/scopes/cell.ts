// Two processes in a relation, asked everything. What kernel, product and table say, side by side.
import { randomBytes } from 'node:crypto';
import { type Actor, become, type Reply } from './actor.js';
import { credentialsOf, livingRoles, ordinary, type Relation } from './relations.js';
import {
  type Declared,
  declarationExpectation,
  type Expectation,
  expectation,
  type Facts,
  type Operation,
  type Scope,
} from './rules.js';

/** The state that the target of a relation sets. */
export interface Cell {
  readonly dumpable: boolean;
  readonly declared: Declared;
}

interface Question {
  readonly command: string;
  readonly operation: Operation;
  readonly by: 'kernel' | 'product';
  /** Of the product: which system call has to be named as the one that answered (native/syscall/result.h). */
  readonly answeringCall?: string;
}

/** The command to the tracer. The product's probes ask the question of PTRACE_ATTACH. */
const QUESTIONS: readonly Question[] = [
  { command: 'attach', operation: 'attach', by: 'kernel' },
  { command: 'seize', operation: 'seize', by: 'kernel' },
  { command: 'readv', operation: 'readv', by: 'kernel' },
  { command: 'mem', operation: 'mem', by: 'kernel' },
  { command: 'environ', operation: 'environ', by: 'kernel' },
  { command: 'probe-access', operation: 'attach', by: 'product', answeringCall: 'process_vm_readv' },
  { command: 'probe-seize', operation: 'attach', by: 'product', answeringCall: 'ptrace' },
];

/** After a filter has closed the product's first way, its second. */
const BEHIND_A_FILTER: Question = {
  command: 'probe-access',
  operation: 'attach',
  by: 'product',
  answeringCall: 'pidfd_getfd',
};

const ANSWERING_CALLS: Record<string, string> = {
  0: 'no system call',
  1: 'pidfd_getfd',
  2: 'process_vm_readv',
  3: 'ptrace',
};

function rotated<T>(all: readonly T[], by: number): T[] {
  const first = by % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

const READS_THE_SECRET: readonly string[] = ['readv', 'mem', 'environ'];

export interface Answer {
  readonly question: string;
  readonly expected: Expectation;
  readonly actual: string;
}

/** The argument of PR_SET_PTRACER: it replaces the former one, and 0 withdraws it. */
function declaration({ tracerParent }: Relation, declared: Declared): string {
  switch (declared) {
    case 'nothing':
      return 'target declare 0';
    case 'any':
      return 'target declare -1';
    case 'this tracer':
      return 'target declare @tracer';
    case "the tracer's parent":
      return `target declare ${tracerParent === '1' ? '1' : `@${tracerParent}`}`;
    case "the tracer's child":
      return 'target declare @child';
    case 'another process':
      return 'target declare @other';
  }
}

/** The other processes that may be declared. */
const OTHERS = ['tracer fork child', 'conductor fork other'];

/** Two pids that have to be equal: whose child it is, and whose it should be. */
const kinship = (role: string, parent: string) => [
  `${role} parent`,
  `conductor echo ${parent === '1' ? '1' : `@${parent}`}`,
];

/** A yes has to bring the target's own word, and an answer of the product the system call that gave it. */
function actual({ command, answeringCall }: Question, { answer, value }: Reply, secret: string) {
  if (answeringCall !== undefined && ANSWERING_CALLS[value] !== answeringCall)
    return `${answer} by ${ANSWERING_CALLS[value]}, not ${answeringCall}`;
  if (answer === '0' && READS_THE_SECRET.includes(command) && value !== secret)
    return `0, but read '${value}'`;
  return answer;
}

/**
 * Builds the relation's family and asks it about cells, in this order. At the end the target is traced. `turn` rotates
 * the questions: an answer must not depend on the questions before it.
 */
export async function askFamily(
  actor: Actor,
  relation: Relation,
  cells: readonly Cell[],
  scope: Scope,
  turn: number,
): Promise<Answer[][]> {
  const secret = randomBytes(8).toString('hex');
  const enter = ({ dumpable, declared }: Cell) => [
    `target dumpable ${dumpable ? 1 : 0}`,
    declaration(relation, declared),
  ];
  const [, kin, asked, [filter], askedAgain] = await Promise.all([
    actor.must(
      ...relation.family,
      ...livingRoles(relation).map(role => `${role} ${become(ordinary)}`),
      `target secret 0x${secret}`,
      ...OTHERS,
      `tracer ${become(relation.tracer)}`,
      `target ${become(relation.target)}`,
    ),
    actor.must(...kinship('tracer', relation.tracerParent), ...kinship('target', relation.targetParent)),
    Promise.all(
      cells.map((cell, at) => {
        const questions = rotated(QUESTIONS, turn + at).map(({ command }) => `tracer ${command} @target`);
        return actor.run(...enter(cell), ...questions);
      }),
    ),
    actor.run('tracer filter-readv'),
    Promise.all(
      cells.map((cell, at) =>
        actor.run(
          ...enter(cell),
          `tracer ${BEHIND_A_FILTER.command} @target`,
          // A traced process stays traced: while there are cells to ask, a thread of it asks, and ends.
          at < cells.length - 1 ? 'target thread traceme' : 'target traceme',
        ),
      ),
    ),
    actor.end(),
  ]);
  const [tracerParent, wantedTracerParent, targetParent, wantedTargetParent] = kin;
  if (tracerParent !== wantedTracerParent || targetParent !== wantedTargetParent) {
    throw new Error(
      `not the relation '${relation.name}': the parents of tracer and target are ${tracerParent} and ${targetParent}, ` +
        `not ${wantedTracerParent} and ${wantedTargetParent} (orphans go to the nearest subreaper: none may be above us)`,
    );
  }
  if (filter?.answer !== '0') throw new Error(`no seccomp filter could be had: ${filter?.answer}`);

  return cells.map(({ dumpable, declared }, at) => {
    const facts: Facts = {
      tracer: relation.tracer,
      target: relation.target,
      parent: credentialsOf(relation.targetParent, relation),
      dumpable,
      tracerIsAncestor: relation.tracerIsAncestor,
      declared,
    };
    const answerTo = (question: Question, reply: Reply | undefined): Answer => ({
      question: `${question.by}: ${question.command}`,
      expected: expectation(question.operation, facts, scope),
      actual: reply === undefined ? 'nothing' : actual(question, reply, secret),
    });
    const entered = (set: Reply | undefined, declare: Reply | undefined): Answer => {
      if (set?.answer !== '0' || set.value !== (dumpable ? '1' : '0'))
        throw new Error(`PR_GET_DUMPABLE is ${set?.value} (${set?.answer}) after it was set`);
      const expected = declarationExpectation(scope);
      return { question: 'kernel: declare', expected, actual: declare?.answer ?? 'nothing' };
    };
    const [set, declare, ...replies] = asked[at] ?? [];
    const [setAgain, declareAgain, filtered, traceme] = askedAgain[at] ?? [];
    return [
      entered(set, declare),
      ...rotated(QUESTIONS, turn + at).map((question, index) => answerTo(question, replies[index])),
      entered(setAgain, declareAgain),
      answerTo(BEHIND_A_FILTER, filtered),
      answerTo({ command: 'traceme', operation: 'traceme', by: 'kernel' }, traceme),
    ];
  });
}
