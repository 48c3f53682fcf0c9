// The actor (test/native), with which the other files ask the kernel: it leaves no process behind.
import { beforeAll, describe, expect, it } from 'vitest';
import { Actor } from './actor.js';
import { requirePowers, scope } from './scope.js';

beforeAll(requirePowers);

/** Kin of every kind: an orphan of init, a held tracee, one that asked to be traced, a zombie. */
async function populated() {
  const actor = await Actor.start();
  await actor.must(
    'conductor fork elder',
    'elder fork held',
    'elder fork asking',
    'elder fork zombie',
    'conductor fork middle',
    'middle fork orphan',
    'middle exit',
    'zombie exit',
    'elder await-zombie @zombie',
  );
  const traced = scope === 3 ? 'EPERM' : '0';
  expect(await actor.ask('orphan hold @held')).toBe(traced);
  expect(await actor.ask('asking traceme')).toBe(traced);
  return actor;
}

describe("the actor's processes", () => {
  it('all end when it is killed', async () => {
    await (await populated()).kill();
  });

  it('all end when its stdin does', async () => {
    await (await populated()).stop();
  });

  it('start again after an end', async () => {
    const actor = await populated();
    await actor.end();
    expect(await actor.run('elder parent')).toEqual([{ answer: 'ENOSYS', value: 'no-such-role' }]);
    await actor.stop();
  });

  it('each read their own secret', async () => {
    const actor = await Actor.start();
    await actor.must('conductor fork a', 'conductor fork b', 'a secret 0xa', 'b secret 0xb');
    const words = await actor.must('a readv @a', 'b readv @b', 'a environ @a', 'b environ @b');
    expect(words).toEqual(['a', 'b', 'a', 'b'].map(word => word.padStart(16, '0')));
    await actor.stop();
  });
});
