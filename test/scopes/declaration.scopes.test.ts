// PR_SET_PTRACER: the process that a declaration belongs to, how long it lasts, and the tracers that it allows. It
// matters at scope 1 only; at the other scopes these tests show that it doesn't.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Actor, become } from './actor.js';
import { admitted, attachAnswer, declare, notAdmitted, strangers } from './family.js';
import { ordinary } from './relations.js';
import { requirePowers, scope, scopeName } from './scope.js';

let actor: Actor;
beforeAll(async () => {
  requirePowers();
  actor = await Actor.start();
});
beforeEach(() => strangers(actor));
afterEach(() => actor.end());
afterAll(() => actor?.stop());

const attach = (tracer: string, target: string) => attachAnswer(actor, tracer, target);

describe(`a declared tracer at ${scopeName}`, () => {
  it('is not inherited by fork', async () => {
    await declare(actor, 'target declare @tracer');
    await actor.must('target fork child');
    expect(await attach('tracer', 'child')).toBe(notAdmitted);
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  it('survives exec by the leader', async () => {
    await declare(actor, 'target declare @tracer');
    await actor.must('target exec');
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  // fs/exec.c, de_thread(): the executing thread takes the leader's place and pid, and the leader's task is released,
  // whose declaration it was (security/yama/yama_lsm.c, yama_task_prctl).
  it('is lost when a thread that is not the leader executes', async () => {
    await declare(actor, 'target declare @tracer');
    await actor.must('target thread exec');
    expect(await attach('tracer', 'target')).toBe(notAdmitted);
  });

  it('is replaced by a new call', async () => {
    await actor.must('conductor fork other', `other ${become(ordinary)}`);
    await declare(actor, 'target declare @tracer');
    await declare(actor, 'target declare @other');
    expect(await attach('tracer', 'target')).toBe(notAdmitted);
    expect(await attach('other', 'target')).toBe(admitted);
  });

  it('replaces "any"', async () => {
    await declare(actor, 'target declare -1');
    await declare(actor, 'target declare @nest');
    expect(await attach('tracer', 'target')).toBe(notAdmitted);
  });

  it('is not changed by a call that fails', async () => {
    await declare(actor, 'target declare @tracer');
    expect(await actor.ask('target declare 0x7fffffff')).toBe('EINVAL');
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  it('is cleared by 0', async () => {
    await declare(actor, 'target declare @tracer');
    await declare(actor, 'target declare 0');
    expect(await attach('tracer', 'target')).toBe(notAdmitted);
  });

  it("is the process' own when a thread that is not the leader declares it", async () => {
    await declare(actor, 'target thread declare @tracer');
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  it('may attach with any of its threads', async () => {
    await declare(actor, 'target declare @tracer');
    expect(await actor.ask('tracer thread attach @target')).toBe(admitted);
  });

  it('loses its exception at its end, and its orphans have none', async () => {
    await declare(actor, 'target declare @elder');
    expect(await attach('tracer', 'target')).toBe(admitted);
    await actor.must('elder exit', 'conductor reap @elder');
    expect(await attach('tracer', 'target')).toBe(notAdmitted);
  });

  it('is a process and not a number: a later process with its pid may not attach', async () => {
    await declare(actor, 'target declare @tracer');
    const [pid] = await actor.must('conductor echo @tracer', 'tracer exit', 'elder reap @tracer');
    const [heir] = await actor.must(`conductor fork heir ${pid}`, `heir ${become(ordinary)}`);
    expect(heir).toBe(pid);
    expect(await attach('heir', 'target')).toBe(notAdmitted);
  });

  // ptracer_exception_found() begins with the tracer that is attached already.
  it('keeps all access while it is attached, even after the declaration was withdrawn', async () => {
    await actor.must('target secret 0x7ace');
    await declare(actor, 'target declare @tracer');
    expect(await actor.ask('tracer hold @target')).toBe(admitted);
    await declare(actor, 'target declare 0');
    expect(await actor.ask('tracer readv @target')).toBe(admitted);
    expect(await actor.ask('tracer mem @target')).toBe(admitted === '0' ? '0' : 'EACCES');
    if (admitted === '0') await actor.must('tracer release @target');
    expect(await actor.ask('tracer readv @target')).toBe(notAdmitted);
  });
});

// security/yama/yama_lsm.c, yama_task_prctl()
describe(`PR_SET_PTRACER's argument at ${scopeName}`, () => {
  it('means anyone when its low 32 bits are set', async () => {
    await declare(actor, 'target declare 0xffffffff');
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  it('is a pid in its low 32 bits', async () => {
    const [pid] = await actor.must('conductor echo @tracer');
    await declare(actor, `target declare 0x1${Number(pid).toString(16).padStart(8, '0')}`);
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  it('clears only as a 0 of all its bits', async () => {
    await declare(actor, 'target declare @tracer');
    expect(await actor.ask('target declare 0x100000000')).toBe('EINVAL');
    expect(await attach('tracer', 'target')).toBe(admitted);
  });

  it('is accepted at every scope of Yama, and by no kernel without Yama', async () => {
    const answers = await actor.run('target declare 0', 'target declare -1', 'target declare @target');
    const taken = scope === null ? 'EINVAL' : '0';
    expect(answers.map(({ answer }) => answer)).toEqual([taken, taken, taken]);
  });

  it('allows every process as pid 1, the ancestor of all', async () => {
    await declare(actor, 'target declare 1');
    expect(await attach('tracer', 'target')).toBe(admitted);
  });
});
