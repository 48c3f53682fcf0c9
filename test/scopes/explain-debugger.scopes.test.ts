// The access of a program that is not started yet, at each scope: compares explainSync({ debugger }) with the real
// program.
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import type { Explanation } from '../../lib/index.js';
import { spawnRelative } from '../../lib/testing/index.js';
import { Random } from '../differential/random.js';
import {
  askAll,
  buildPrograms,
  type Question,
  type Row,
  Starters,
  startTargets,
  type Targets,
} from '../helpers/debugger-matrix.js';
import { isNightly, SEED } from '../helpers/tier.js';
import { labScope, requirePowers, scope } from './scope.js';

const FILES = ['plain', 'effective', 'set-uid-root', 'set-uid-other', 'script-of-effective'];
const TARGETS = ['same-uid', 'same-uid-capable', 'other-uid', 'not-dumpable'];
/** Those of which the scope makes a difference. Started in the lab, each takes a second. */
const STARTERS = ['user', 'no-new-privs', 'without-bounding', 'nosuid', 'with-ambient', 'root'];
const ASKED = isNightly ? STARTERS : [new Random(SEED, scope ?? 0).pick(STARTERS)];
const MODES = ['attach', 'traceme', 'environ'] as const;

/** In the short tier some, which the commit's seed draws. */
function drawn(starter: string): Question[] {
  const all = FILES.flatMap(file => TARGETS.map(target => ({ file, target })));
  const random = new Random(SEED, starter, scope ?? 0);
  const some = isNightly ? all : Array.from({ length: 3 }, () => random.pick(all));
  return some.map(each => ({
    ...each,
    modes: isNightly ? MODES : (['attach', random.pick(MODES)] as const),
  }));
}

const { lsms, lsmsRuledOut } = explainSync(process.pid).facts.host;
/**
 * Whether a policy may give the program another label, which may refuse more: then nothing is said to be allowed. The
 * lab's SELinux has no policy.
 */
const mayBeRelabelled = ['apparmor', 'smack'].some(name =>
  lsms === null ? !lsmsRuledOut.includes(name) : lsms.includes(name),
);

let directory: string;
let targets: Targets;
let starters: Starters;

beforeAll(() => {
  requirePowers();
  if (labScope === null)
    throw new Error('run this in the lab: scripts/lab --scope 1 -- npx vitest run --project scopes');
});

describe('the real program gets the predicted answer', () => {
  beforeAll(async () => {
    const programs = buildPrograms();
    directory = programs.directory;
    starters = new Starters(directory);
    targets = await startTargets();
    return async () => {
      await starters.end();
      targets.end();
      programs.remove();
    };
  });

  /**
   * The declared tracer of a target can't be read, unless the kernel is asked. Labels change by a policy that can't be
   * seen.
   */
  const isHidden = ({ decidedBy }: Row) =>
    decidedBy === 'yama-relation' || decidedBy === 'landlock' || decidedBy === 'other-lsm';

  it.each(ASKED)('as explain predicted, if started by %s', async starter => {
    const rows = await askAll(await starters.get(starter), directory, targets.pids, drawn(starter));
    const known = rows.filter(({ said }) => said !== 'unknown');
    expect(known.filter(({ said, kernel }) => said !== kernel)).toEqual([]);
    expect(rows.filter(row => row.said === 'unknown' && !isHidden(row))).toEqual([]);
  });

  it('with CAP_SYS_PTRACE from its file it passes at 1 and 2, and is refused at 3', async () => {
    const [row] = await askAll(await starters.get('user'), directory, targets.pids, [
      { file: 'effective', target: 'same-uid', modes: ['attach'] },
    ]);
    const answer = scope === 3 ? 'denied' : 'allowed';
    const said = mayBeRelabelled && scope !== 3 ? 'unknown' : answer;
    expect(row).toMatchObject({ said, kernel: answer });
  });

  it('a declared process may start a debugger, which is its descendant', async () => {
    const asker = await starters.get('user');
    const target = await spawnRelative('stranger', { credentials: { uid: 1000, gid: 1000 } });
    onTestFinished(() => target.end());
    const ask = () =>
      askAll(asker, directory, { declared: target.pid }, [
        { file: 'plain', target: 'declared', modes: ['attach'] },
      ]);
    const closed = scope === 0 ? 'allowed' : 'denied';
    // If the program may be relabelled, the kernel isn't asked in its place, so the declared tracer stays unseen.
    const said = (answer: string) => (mayBeRelabelled && (scope === 0 || scope === 1) ? 'unknown' : answer);
    expect(await ask()).toMatchObject([{ said: said(closed), kernel: closed }]);
    await target.setPtracer(asker.pid);
    const open = scope === 0 || scope === 1 ? 'allowed' : 'denied';
    expect(await ask()).toMatchObject([{ said: said(open), kernel: open }]);
  });

  it('a process that its starter has started is no descendant of it', async () => {
    const asker = await starters.get('user');
    const child: number = await asker.call('startChild');
    const told: Explanation = await asker.call('explain', child, { debugger: `${directory}/plain` });
    // The declared tracer of the child isn't seen, and the kernel would answer us as its ancestor.
    expect(told.answer).toBe(
      [mayBeRelabelled ? 'unknown' : 'allowed', 'unknown', 'denied', 'denied'][scope ?? 0],
    );
    const { output } = await asker.call('run', `${directory}/plain`, [`${child}`]);
    expect(output).toMatch(scope === 0 ? /^attach 0$/m : /^attach 1$/m);
  });
});
