// The proof that a confined tracer reaches no target outside, whatever its relation to it, on the kernel and scope that it
// runs at. The actor's tracer asks the kernel by system calls of its own before and after the launcher has confined it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfineChannel, ConfineReport } from '../../lib/confine/report.js';
import { confineReport } from '../channels/prove-confinement.js';
import { PUBLIC_LAUNCH } from '../helpers/processes.js';
import { Actor, become } from './actor.js';
import { livingRoles, ordinary, RELATIONS, type Relation } from './relations.js';
import type { Credentials } from './rules.js';
import { kernelName, requirePowers, scope, scopeName } from './scope.js';

/** The actor's commands that take the target's pid. */
const ATTEMPTS: Record<Exclude<ConfineChannel, 'abstract-sockets'>, readonly string[]> = {
  tracing: ['attach', 'seize', 'readv', 'writev', 'getfd', 'kcmp', 'perf', 'mem', 'environ', 'robust-list'],
  signals: ['kill', 'tgkill', 'pidfd-send-signal'],
};
const CHANNELS = Object.keys(ATTEMPTS) as (keyof typeof ATTEMPTS)[];

/** What the target declares: 0 withdraws, and -1 is anybody. */
const DECLARED = ['0', '@tracer', '-1'];

/** An exec gives root all capabilities, and takes them from everybody else. */
const isRoot = ({ tracer }: Relation) => tracer.effective === 0;
const hasOneUid = ({ real, effective, saved }: Credentials) => real === effective && effective === saved;

interface Answers {
  channel: ConfineChannel;
  /** The target's declaration, and the command. */
  question: string;
  before: string;
  after: string;
}

export function proveRelations(): void {
  let actor: Actor;
  let report: ConfineReport;
  const counted = { answers: 0, openedBefore: 0, openedAfter: 0 };
  beforeAll(async () => {
    requirePowers();
    report = confineReport();
    actor = await Actor.start({ TRACEGATE_ACTOR_LAUNCHER: PUBLIC_LAUNCH });
  });
  afterAll(async () => {
    const { answers, openedBefore, openedAfter } = counted;
    console.log(
      `${scopeName} (${kernelName}, ABI ${report?.landlockAbi}): ${answers} attempts of a closed channel, ${openedBefore} succeeded before, ${openedAfter} after`,
    );
    await actor?.stop();
  });

  async function askAll(): Promise<Omit<Answers, 'after'>[]> {
    const found = [];
    for (const declared of DECLARED) {
      await actor.run(`target declare ${declared}`);
      for (const channel of CHANNELS) {
        const replies = await actor.run(...ATTEMPTS[channel].map(command => `tracer ${command} @target`));
        for (const [at, { answer }] of replies.entries())
          found.push({ channel, question: `declared ${declared}: ${ATTEMPTS[channel][at]}`, before: answer });
      }
    }
    return found;
  }

  /** The same questions before the tracer is confined and after. */
  async function ask(relation: Relation): Promise<Answers[]> {
    await actor.must(
      ...relation.family,
      ...livingRoles(relation).map(role => `${role} ${become(ordinary)}`),
      'target secret 0x1',
      `tracer ${become(relation.tracer)}`,
      `target ${become(relation.target)}`,
      'target dumpable 1',
      // So that the same credentials ask twice: an exec changes them.
      'tracer exec',
    );
    const before = await askAll();
    await actor.must('tracer confine');
    const after = await askAll();
    return before.map((answers, at) => ({ ...answers, after: after[at]!.before }));
  }

  const isClosed = ({ channel }: Answers) => report.closed.includes(channel);
  const opened = (answers: Answers[], when: 'before' | 'after') =>
    answers.filter(answer => answer[when] === '0');

  describe.each(RELATIONS)('a confined tracer: $name', relation => {
    let answers: Answers[];
    beforeAll(async () => {
      answers = await ask(relation);
      return () => actor.end();
    });

    it('gets nowhere by a way that the report says is closed', () => {
      const closed = answers.filter(isClosed);
      counted.answers += closed.length;
      counted.openedBefore += opened(closed, 'before').length;
      counted.openedAfter += opened(closed, 'after').length;
      expect(opened(closed, 'after')).toEqual([]);
    });

    // With no_new_privs an exec makes the effective uid the real one: security/commoncap.c, cap_bprm_creds_from_file().
    if (!hasOneUid(relation.tracer)) return;
    it('is answered as before by a way that the report says is open', () => {
      const open = answers.filter(answer => !isClosed(answer));
      expect(open.filter(({ before, after }) => before !== after)).toEqual([]);
    });

    it('traces a child that it starts then, as far as Yama allows', async () => {
      await actor.must('tracer fork inside', 'inside dumpable 1');
      const commands = ['attach', 'readv', 'environ', 'kill'];
      const replies = await actor.run(...commands.map(command => `tracer ${command} @inside`));
      const isYamas = scope === 3 || (scope === 2 && !isRoot(relation));
      const attached = isYamas ? 'EPERM' : '0';
      expect(replies.map(({ answer }) => answer)).toEqual([attached, attached, '0', '0']);
    });
  });

  it('a child from before the confinement does not get its confined parent as its tracer', async () => {
    await actor.must('conductor fork tracer', 'tracer fork early', 'tracer confine');
    expect(await actor.ask('early traceme')).toBe('EPERM');
    await actor.must('tracer fork late');
    expect(await actor.ask('late traceme')).toBe(scope === 3 ? 'EPERM' : '0');
    await actor.end();
  });

  it('two confined siblings do not reach each other, and their unconfined parent reaches both', async () => {
    await actor.must('conductor fork nest', 'nest fork a', 'nest fork b', `nest ${become(ordinary)}`);
    for (const role of ['a', 'b'])
      await actor.must(`${role} ${become(ordinary)}`, `${role} confine`, `${role} dumpable 1`);
    expect(await actor.ask('a environ @b')).toBe('EACCES');
    expect(await actor.ask('b robust-list @a')).toBe('EPERM');
    expect(await actor.ask('nest environ @a')).toBe('0');
    expect(await actor.ask('nest robust-list @b')).toBe('0');
    await actor.end();
  });

  it('a domain within a domain: the outer one reaches in, the inner one not out', async () => {
    await actor.must(
      'conductor fork outer',
      `outer ${become(ordinary)}`,
      'outer confine',
      'outer dumpable 1',
    );
    await actor.must('outer fork inner', 'inner confine', 'inner dumpable 1');
    expect(await actor.ask('outer environ @inner')).toBe('0');
    expect(await actor.ask('inner environ @outer')).toBe('EACCES');
    await actor.end();
  });

  it('some of the closed ways worked before', () => {
    // At scope 3 nobody attaches, and reads still work.
    expect(counted.openedBefore).toBeGreaterThan(100);
    expect(counted.openedAfter).toBe(0);
  });
}
