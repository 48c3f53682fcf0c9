// The families of the smaller tests, and the answers to ordinary processes at the running scope.
import { expect } from 'vitest';
import { type Actor, become } from './actor.js';
import { ordinary } from './relations.js';
import { declarationExpectation, expectation } from './rules.js';
import { scope } from './scope.js';

/** Two strangers, and their parents `elder` and `nest`; all ordinary, dumpable and with nothing declared. */
export async function strangers(actor: Actor) {
  const roles = ['elder', 'nest', 'tracer', 'target'];
  await actor.must(
    'conductor fork elder',
    'elder fork tracer',
    'conductor fork nest',
    'nest fork target',
    ...roles.flatMap(role => [`${role} ${become(ordinary)}`, `${role} dumpable 1`]),
  );
}

/** PTRACE_ATTACH's answer, which the product's two probes must share; else all of them. */
export async function attachAnswer(actor: Actor, tracer: string, target: string) {
  const replies = await actor.run(
    ...['attach', 'probe-access', 'probe-seize'].map(command => `${tracer} ${command} @${target}`),
  );
  return [...new Set(replies.map(({ answer }) => answer))].join(' and ');
}

function strangersGet(declared: 'any' | 'nothing') {
  const facts = {
    tracer: ordinary,
    target: ordinary,
    parent: ordinary,
    dumpable: true,
    tracerIsAncestor: false,
  };
  return expectation('attach', { ...facts, declared }, scope).answer;
}

/** The answer of PTRACE_ATTACH here to an ordinary stranger that is declared. */
export const admitted = strangersGet('any');
/** The answer to a stranger that isn't declared: the same, except at scope 1. */
export const notAdmitted = strangersGet('nothing');

/** A declaration that is right, whatever the scope makes of it. */
export async function declare(actor: Actor, line: string) {
  expect(await actor.ask(line), line).toBe(declarationExpectation(scope).answer);
}
