// One cell: two processes in a relation, asked everything. What kernel, product and table say, side by side.
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

export interface Cell {
  readonly relation: Relation;
  readonly dumpable: boolean;
  readonly declared: Declared;
}

interface Question {
  readonly command: string;
  readonly operation: Operation;
  readonly by: 'kernel' | 'product';
  /** Of the product: which system call has to be named as the one that answered (native/result.h). */
  readonly witness?: string;
}

/** What the tracer is told to do. The product's probes ask what PTRACE_ATTACH asks. */
const QUESTIONS: readonly Question[] = [
  { command: 'attach', operation: 'attach', by: 'kernel' },
  { command: 'seize', operation: 'seize', by: 'kernel' },
  { command: 'readv', operation: 'readv', by: 'kernel' },
  { command: 'mem', operation: 'mem', by: 'kernel' },
  { command: 'environ', operation: 'environ', by: 'kernel' },
  { command: 'probe-access', operation: 'attach', by: 'product', witness: 'process_vm_readv' },
  { command: 'probe-seize', operation: 'attach', by: 'product', witness: 'ptrace' },
];

/** After a filter has closed the product's first way, its second. */
const BEHIND_A_FILTER: Question = {
  command: 'probe-access',
  operation: 'attach',
  by: 'product',
  witness: 'pidfd_getfd',
};

const WITNESSES: Record<string, string> = {
  0: 'no system call',
  1: 'pidfd_getfd',
  2: 'process_vm_readv',
  3: 'ptrace',
};

const READS_THE_SECRET: readonly string[] = ['readv', 'mem', 'environ'];

export interface Answer {
  readonly question: string;
  readonly expected: Expectation;
  readonly actual: string;
}

/** The commands after which the target has declared it. */
function declaration({ relation, declared }: Cell): readonly string[] {
  const parent = relation.tracerParent === '1' ? '1' : `@${relation.tracerParent}`;
  switch (declared) {
    case 'nothing':
      return [];
    case 'any':
      return ['target declare -1'];
    case 'this tracer':
      return ['target declare @tracer'];
    case "the tracer's parent":
      return [`target declare ${parent}`];
    case "the tracer's child":
      return ['tracer fork child', 'target declare @child'];
    case 'another process':
      return ['conductor fork other', 'target declare @other'];
  }
}

/** Two pids that have to be equal: whose child it is, and whose it should be. */
const kinship = (role: string, parent: string) => [
  `${role} parent`,
  `conductor echo ${parent === '1' ? '1' : `@${parent}`}`,
];

/** A yes has to bring the target's own word, and an answer of the product the system call that gave it. */
function actual({ command, witness }: Question, { answer, value }: Reply, secret: string) {
  if (witness !== undefined && WITNESSES[value] !== witness)
    return `${answer} by ${WITNESSES[value]}, not ${witness}`;
  if (answer === '0' && READS_THE_SECRET.includes(command) && value !== secret)
    return `0, but read '${value}'`;
  return answer;
}

/** `turn` rotates the questions: an answer must not depend on what was asked before. */
export async function askCell(actor: Actor, cell: Cell, scope: Scope, turn: number): Promise<Answer[]> {
  const { relation, dumpable, declared } = cell;
  const secret = randomBytes(8).toString('hex');
  const first = turn % QUESTIONS.length;
  const questions = [...QUESTIONS.slice(first), ...QUESTIONS.slice(0, first)];
  const declare = declaration(cell);

  const [set, kin, declaredReplies, replies, [filter, filtered, traceme]] = await Promise.all([
    actor.must(
      ...relation.family,
      ...livingRoles(relation).map(role => `${role} ${become(ordinary)}`),
      `target secret 0x${secret}`,
      ...declare.slice(0, -1),
      `tracer ${become(relation.tracer)}`,
      `target ${become(relation.target)}`,
      `target dumpable ${dumpable ? 1 : 0}`,
    ),
    actor.must(...kinship('tracer', relation.tracerParent), ...kinship('target', relation.targetParent)),
    actor.run(...declare.slice(-1)),
    // Last, PTRACE_TRACEME: the target stays traced.
    actor.run(...questions.map(({ command }) => `tracer ${command} @target`)),
    actor.run('tracer filter-readv', `tracer ${BEHIND_A_FILTER.command} @target`, 'target traceme'),
    actor.end(),
  ]);
  const [tracerParent, wantedTracerParent, targetParent, wantedTargetParent] = kin;
  if (tracerParent !== wantedTracerParent || targetParent !== wantedTargetParent) {
    throw new Error(
      `not the relation '${relation.name}': the parents of tracer and target are ${tracerParent} and ${targetParent}, ` +
        `not ${wantedTracerParent} and ${wantedTargetParent} (orphans go to the nearest subreaper: none may be above us)`,
    );
  }
  if (set.at(-1) !== (dumpable ? '1' : '0'))
    throw new Error(`PR_GET_DUMPABLE is ${set.at(-1)} after it was set`);

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
  if (filter?.answer !== '0') throw new Error(`no seccomp filter could be had: ${filter?.answer}`);
  return [
    ...declaredReplies.map(({ answer }) => ({
      question: 'kernel: declare',
      expected: declarationExpectation(scope),
      actual: answer,
    })),
    ...questions.map((question, at) => answerTo(question, replies[at])),
    answerTo(BEHIND_A_FILTER, filtered),
    answerTo({ command: 'traceme', operation: 'traceme', by: 'kernel' }, traceme),
  ];
}
