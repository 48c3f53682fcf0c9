// The refusals of PTRACE_ATTACH and PTRACE_SEIZE besides the access check, and their order: kernel/ptrace.c,
// ptrace_attach(). They are the same at every scope. Full root asks, which the check itself refuses at scope 3 only.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Actor } from './actor.js';
import { strangers } from './family.js';
import { labScope, requirePowers, scope, scopeName } from './scope.js';

let actor: Actor;
beforeAll(async () => {
  requirePowers();
  actor = await Actor.start();
});
beforeEach(() => strangers(actor));
afterEach(() => actor.end());
afterAll(() => actor?.stop());

/** The answer of the access check alone to full root. */
const rootIs = scope === 3 ? 'EPERM' : '0';

async function answers(...lines: string[]) {
  return (await actor.run(...lines)).map(({ answer }) => answer);
}

const PF_KTHREAD = 0x0020_0000;

function kernelThread() {
  return readdirSync('/proc').find(name => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      return (Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[6]) & PF_KTHREAD) !== 0;
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

describe(`an attach at ${scopeName}`, () => {
  it('to a kernel thread answers EPERM, even if the access check allows it', async context => {
    const pid = kernelThread();
    if (pid === undefined && labScope === null)
      context.skip('no kernel thread is visible in this pid namespace');
    expect(
      await answers(
        `conductor attach ${pid}`,
        `conductor seize ${pid}`,
        `conductor probe-seize ${pid}`,
        `conductor probe-access ${pid}`,
      ),
    ).toEqual(['EPERM', 'EPERM', 'EPERM', rootIs]);
  });

  it('to a zombie answers EPERM', async () => {
    await actor.must('target exit', 'nest await-zombie @target');
    expect(
      await answers('conductor attach @target', 'conductor seize @target', 'conductor probe-seize @target'),
    ).toEqual(['EPERM', 'EPERM', 'EPERM']);
  });

  it("to one's own thread group answers EPERM", async () => {
    expect(
      await answers('tracer attach @tracer', 'tracer seize @tracer', 'tracer thread attach @tracer'),
    ).toEqual(['EPERM', 'EPERM', 'EPERM']);
  });

  it('to a traced target answers EPERM, although the access check allows a second tracer', async () => {
    await actor.must('conductor fork first', 'conductor fork second');
    expect(
      await answers(
        'first hold @target',
        'second attach @target',
        'second seize @target',
        'second probe-seize @target',
        'second probe-access @target',
        'second readv @target',
      ),
    ).toEqual([rootIs, 'EPERM', 'EPERM', 'EPERM', rootIs, rootIs]);
  });

  it('to a pid without a process answers ESRCH', async () => {
    await actor.must('target exit', 'nest reap @target');
    expect(
      await answers(
        'tracer attach @target',
        'tracer seize @target',
        'tracer readv @target',
        'tracer probe-access @target',
        'tracer probe-seize @target',
      ),
    ).toEqual(['ESRCH', 'ESRCH', 'ESRCH', 'ESRCH', 'ESRCH']);
  });

  it('by PTRACE_SEIZE with an address answers EIO before any check of the target', async () => {
    expect(await answers('tracer seize-at-address @target', 'tracer seize-at-address 1')).toEqual([
      'EIO',
      'EIO',
    ]);
  });
});

// kernel/ptrace.c, __ptrace_may_access(): same_thread_group() comes before every rule and every module.
describe(`one's own thread group at ${scopeName}`, () => {
  it.each([1, 0])('passes the access check with dumpable %i', async dumpable => {
    await actor.must(`tracer dumpable ${dumpable}`);
    expect(
      await answers(
        'tracer readv @tracer',
        'tracer probe-access @tracer',
        'tracer thread probe-access @tracer',
      ),
    ).toEqual(['0', '0', '0']);
  });
});
