// PTRACE_TRACEME: kernel/ptrace.c, ptrace_traceme(); security/commoncap.c, cap_ptrace_traceme(); security/yama/yama_lsm.c,
// yama_ptrace_traceme(). It asks about the parent, and has rules of its own.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Actor, become } from './actor.js';
import { declare } from './family.js';
import { fullRoot, ordinary } from './relations.js';
import type { Credentials } from './rules.js';
import { requirePowers, scope, scopeName } from './scope.js';

let actor: Actor;
beforeAll(async () => {
  requirePowers();
  actor = await Actor.start();
});
afterEach(() => actor.end());
afterAll(() => actor?.stop());

const ofAnother: Credentials = { ...ordinary, real: 2000, effective: 2000, saved: 2000, gid: 2000 };
const withNetRaw: Credentials = { ...ordinary, capabilities: ['CAP_NET_RAW'] };
const withPtrace: Credentials = { ...ordinary, capabilities: ['CAP_SYS_PTRACE'] };

async function family(parent: Credentials, child: Credentials, dumpable = 1) {
  await actor.must(
    'conductor fork parent',
    'parent fork child',
    `parent ${become(parent)}`,
    `child ${become(child)}`,
    `child dumpable ${dumpable}`,
  );
}

async function traceme(parent: Credentials, child: Credentials, dumpable = 1) {
  await family(parent, child, dumpable);
  return actor.ask('child traceme');
}

const withoutCapability = scope === 2 || scope === 3 ? 'EPERM' : '0';
const withCapability = scope === 3 ? 'EPERM' : '0';

describe(`PTRACE_TRACEME at ${scopeName}`, () => {
  it('is allowed at 0 and 1, and refused above, if the parent has no capability', async () => {
    expect(await traceme(ordinary, ordinary)).toBe(withoutCapability);
  });

  it('is refused only at 3 if the parent has CAP_SYS_PTRACE', async () => {
    expect(await traceme(withPtrace, ordinary)).toBe(withCapability);
  });

  it('needs the capability of the parent, not of the child', async () => {
    // cap_ptrace_traceme() refuses this child already at 0: its parent has less.
    expect(await traceme(ordinary, withPtrace)).toBe('EPERM');
  });

  it('does not look at dumpable', async () => {
    expect(await traceme(ordinary, ordinary, 0)).toBe(withoutCapability);
  });

  it('does not look at ids', async () => {
    expect(await traceme(ordinary, ofAnother)).toBe(withoutCapability);
  });

  it('is refused to a child with a capability that its parent lacks', async () => {
    expect(await traceme(ordinary, withNetRaw)).toBe('EPERM');
  });

  it('is not refused for a capability that the parent has too', async () => {
    expect(await traceme(withNetRaw, withNetRaw)).toBe(withoutCapability);
  });

  it('is not refused for any capability if the parent has CAP_SYS_PTRACE', async () => {
    expect(await traceme(withPtrace, withNetRaw)).toBe(withCapability);
  });

  it('is not refused to a child of full root by its capabilities', async () => {
    expect(await traceme(fullRoot, fullRoot)).toBe(withCapability);
  });

  it('does not look at the declaration', async () => {
    await family(ordinary, ordinary);
    await declare(actor, 'child declare -1');
    expect(await actor.ask('child traceme')).toBe(withoutCapability);
  });

  it('is refused to a process that is traced already', async () => {
    await family(withPtrace, ordinary);
    const replies = await actor.run('child traceme', 'child traceme', 'conductor attach @child');
    expect(replies.map(({ answer }) => answer)).toEqual([withCapability, 'EPERM', 'EPERM']);
  });

  it('is refused to a process that another process traces', async () => {
    await family(withPtrace, ordinary);
    const replies = await actor.run('conductor hold @child', 'child traceme');
    expect(replies.map(({ answer }) => answer)).toEqual([withCapability, 'EPERM']);
  });
});
