// perf is no tracer for Yama: perf_event_open(2) asks for PTRACE_MODE_READ_REALCREDS, which depends on credentials and
// dumpability alone (kernel/events/core.c, perf_check_permission). CAP_PERFMON and kernel.perf_event_paranoid count as
// well.
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import type { Explanation } from '../../lib/index.js';
import { observe, type PerfAdmits } from '../../lib/snapshot.js';
import { generatePopulation } from '../differential/generate.js';
import { Laboratory } from '../differential/laboratory.js';
import { hasPerfEvents, PARANOID_BEFORE, PARANOID_VALUES, setParanoid } from '../differential/paranoia.js';
import { Random } from '../differential/random.js';
import { compile } from '../helpers/compile.js';
import { AS_USER, closedTarget, ObedientProcess, sleeper, USER } from '../helpers/processes.js';
import { isNightly, SEED, times } from '../helpers/tier.js';
import { itAtOneScope, labScope, requirePowers, scope, scopeName } from './scope.js';

const asked = (pid: number, options = AS_USER, ...through: string[]): string => {
  const [program = '', ...words] = [...through, compile('perf-open.c'), `${pid}`];
  return spawnSync(program, words, { ...options, encoding: 'utf8' }).stdout.trim();
};

/** By an ordinary user with this capability alone, as setpriv(1) gives it. */
function askedWith(pid: number, capability: string): string {
  const ids = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups'];
  const sets = ['--inh-caps', `+${capability}`, '--ambient-caps', `+${capability}`];
  return asked(pid, {}, 'setpriv', ...ids, ...sets);
}

const atValue = (value: number) => {
  onTestFinished(() => setParanoid(PARANOID_BEFORE));
  setParanoid(value);
};

describe.runIf(labScope !== null && hasPerfEvents)(
  `perf on a sibling at ${scopeName} (a kernel with perf events)`,
  () => {
    it('needs no declaration, and a process that has opted out is closed to it', async () => {
      atValue(2);
      const { pid } = await sleeper(AS_USER);
      const { pid: closed } = await closedTarget();
      expect(asked(pid)).toBe('opened');
      expect(asked(closed)).toBe('EACCES');
      const asker = await ObedientProcess.start();
      const explained = (target: number): Promise<Explanation> =>
        asker.call('explain', target, { mode: 'perf' });
      expect(await explained(pid)).toMatchObject({ answer: 'allowed', agrees: true });
      expect(await explained(closed)).toMatchObject({
        answer: 'denied',
        agrees: true,
        refusedBy: ['dumpable'],
        observed: { code: 'EACCES', syscall: 'perf_event_open', answeredBy: 'kernel' },
      });
    });

    it.each(VALUES)('at %i the facts say which processes this kernel admits', async value => {
      atValue(value);
      const { pid } = await sleeper(AS_USER);
      const admits: PerfAdmits =
        asked(pid) === 'opened'
          ? 'everyone'
          : askedWith(pid, 'perfmon') === 'opened'
            ? 'CAP_PERFMON'
            : 'CAP_SYS_ADMIN';
      expect(askedWith(pid, 'sys_admin')).toBe('opened');
      const perfEvents = { state: 'present', paranoid: value, admits };
      expect(observe({ pids: [process.pid] }).host).toMatchObject({ perfEvents });
    });

    itAtOneScope('above 2 a refusal is explained, and its remedies help', async () => {
      atValue(3);
      const { pid } = await sleeper(AS_USER);
      const asker = await ObedientProcess.start();
      const explained = (): Promise<Explanation> => asker.call('explain', pid, { mode: 'perf' });
      expect(asked(pid)).toBe('EACCES');
      const { remedies, ...refused } = await explained();
      expect(refused).toMatchObject({ answer: 'denied', agrees: true, refusedBy: ['perf-paranoid'] });
      // In a container, as whose the marks of the machine may look, the same is to be done on the host, or by its root.
      expect(remedies.flatMap(({ actions }) => actions.map(({ command }) => command))).toEqual(
        expect.arrayContaining([
          expect.stringContaining(`sudo perf record -p ${pid}`),
          expect.stringContaining('sudo sysctl kernel.perf_event_paranoid=2'),
        ]),
      );
      expect(asked(pid, {})).toBe('opened');
      setParanoid(2);
      expect(asked(pid)).toBe('opened');
      expect(await explained()).toMatchObject({ answer: 'allowed', agrees: true });
    });
  },
);

/** No ptrace_scope has a say in it: in the short tier at one of them, and at a value that closes to most. */
const DRAWN = new Random(SEED, 'perf');
const isDrawn = isNightly || DRAWN.below(4) === scope;
const CLOSING = DRAWN.pick([3, 4]);
const VALUES = isNightly ? PARANOID_VALUES : [DRAWN.pick([-1, 0, 1, 2]), CLOSING];

describe.runIf(labScope !== null && hasPerfEvents && isDrawn)('random processes', () => {
  let laboratory: Laboratory;
  beforeAll(async () => {
    requirePowers();
    laboratory = await Laboratory.open();
  });
  afterAll(() => laboratory?.close());

  it.each(isNightly ? PARANOID_VALUES : [CLOSING])(
    'at %i the model gives the answer of the kernel',
    async value => {
      for (let at = 0; at < times(1, 4); at++) {
        const seed = new Random(SEED, 'perf', value, at).next();
        const run = await laboratory.run(generatePopulation(new Random(seed)), seed, undefined, value);
        expect(run.differences).toEqual([]);
        const decisions = Object.keys(run.decidedBy).filter(decision => decision.startsWith('perf: '));
        expect(decisions.some(decision => decision.startsWith('perf: allowed'))).toBe(true);
        expect(decisions.some(decision => decision.startsWith('perf: denied'))).toBe(true);
      }
    },
  );
});

describe.runIf(labScope !== null && !hasPerfEvents)('a kernel without perf events', () => {
  it('refuses root and its own process too, and explain says by which rule', async () => {
    const { pid } = await sleeper(AS_USER);
    for (const target of [pid, process.pid]) {
      expect(asked(target, {})).toBe('ENOSYS');
      expect(explainSync(target, { mode: 'perf' })).toMatchObject({
        answer: 'denied',
        agrees: true,
        refusedBy: ['perf-events'],
        observed: { outcome: 'denied', code: 'ENOSYS', answeredBy: 'kernel' },
        remedies: [{ kind: 'instead' }],
        facts: { host: { perfEvents: { state: 'absent' } } },
      });
    }
  });
});
