// The access of a program that is not started yet: compares explainSync({ debugger }) with the real program, on the
// running kernel.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { explainSync } from '../../lib/explain/index.js';
import type { Explanation } from '../../lib/index.js';
import { tracegate, validated } from '../helpers/cli.js';
import {
  askAll,
  buildPrograms,
  drawQuestions,
  type Row,
  STARTERS,
  Starters,
  startTargets,
  type Targets,
} from '../helpers/debugger-matrix.js';
import { AS_USER, IS_ROOT, ObedientProcess, privateDirectory, sleeper } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

/** What can't be seen from where it is asked, and may be unknown. */
const isHidden = (starter: string, { target, decidedBy }: Row): boolean =>
  // Whether a sandbox is behind no_new_privs.
  (decidedBy === 'landlock' && starter.endsWith('no-new-privs')) ||
  // Root owns the files of its processes whether they are dumpable or not.
  (decidedBy === 'dumpable' && target === 'root') ||
  // The user namespace of a process takes READ access.
  (target === 'in-user-namespace' && ['no-root', 'root-without-bounding'].includes(starter));

if (IS_ROOT) {
  describe('the real program gets the predicted answer', () => {
    let directory: string;
    let targets: Targets;
    let starters: Starters;

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

    it.each(Object.keys(STARTERS))('as explain predicted, if started by %s', async starter => {
      const asker = await starters.get(starter);
      const questions = drawQuestions(starter, Object.keys(targets.pids));
      const rows = await askAll(asker, directory, targets.pids, questions);
      expect(rows.length).toBeGreaterThan(0);
      const [known, unknown] = [true, false].map(wanted =>
        rows.filter(row => (row.said !== 'unknown') === wanted),
      );
      expect(known?.filter(({ said, kernel }) => said !== kernel)).toEqual([]);
      expect(unknown?.filter(row => !isHidden(starter, row))).toEqual([]);
    });

    /** The target is a process of root, so a program that may attach has gained CAP_SYS_PTRACE by its exec. */
    it.each([
      ['user', 'plain', 'denied'],
      ['user', 'effective', 'allowed'],
      ['user', 'permitted', 'denied'],
      ['user', 'set-uid-root', 'allowed'],
      ['user', 'set-uid-other', 'denied'],
      ['user', 'unreadable', 'allowed'],
      ['user', 'of-namespace', 'denied'],
      ['user', 'script-of-plain', 'denied'],
      ['user', 'script-of-effective', 'allowed'],
      ['no-new-privs', 'effective', 'denied'],
      ['nosuid', 'effective', 'denied'],
      ['nosuid', 'set-uid-root', 'denied'],
      ['with-inheritable', 'inheritable', 'allowed'],
      ['with-ambient', 'plain', 'allowed'],
      ['with-ambient', 'other', 'denied'],
      ['no-root', 'plain', 'denied'],
    ])('started by %s, %s is %s', async (starter, file, answer) => {
      const asker = await starters.get(starter);
      const [row] = await askAll(asker, directory, targets.pids, [
        { file, target: 'root', modes: ['attach'] },
      ]);
      expect(row).toMatchObject({ said: answer, kernel: answer });
    });

    it('an exec that fails is reported, with a remedy', async () => {
      const asker = await starters.get('without-bounding');
      const path = join(directory, 'effective');
      const answer: Explanation = await asker.call('explain', targets.pids['same-uid'], { debugger: path });
      expect(answer).toMatchObject({
        answer: 'denied',
        decidedBy: 'exec',
        refusedBy: ['exec'],
        observed: null,
        debugger: { starts: false },
      });
      expect(answer.remedies[0]).toMatchObject({ kind: 'instead', actions: [{ command: `cp ${path} .` }] });
      expect(await asker.call('run', path, ['1'])).toEqual({ code: 'EPERM', output: '' });
    });

    it('the text and the data name the program and what its exec gives', async () => {
      const path = join(directory, 'effective');
      const words = ['explain', '--debugger', path, '--tracer', 'stranger', `${targets.pids['other-uid']}`];
      const [text, data] = await Promise.all([tracegate(words), tracegate([...words, '--json'])]);
      expect(text.stdout).toContain('allowed: effective, started by a stranger of its uid, may attach to');
      expect(text.stdout.replaceAll(/\s+/g, ' ')).toContain(
        `${path} has file capabilities cap_sys_ptrace=ep: the exec gives CAP_SYS_PTRACE.`,
      );
      expect(validated('explain', data.stdout)).toMatchObject({
        answer: 'allowed',
        observed: null,
        tracer: { pid: null },
        debugger: {
          path,
          starts: true,
          gains: { uid: 'same', gid: 'same', capabilities: ['CAP_SYS_PTRACE'] },
        },
      });
    });

    it('a set-uid program is shown with its ids, and a script with its interpreter', () => {
      const told = (file: string) =>
        explainSync(targets.pids.root ?? 0, { debugger: join(directory, file), tracer: 'stranger' }).debugger;
      // A stranger to root's process is uid 0.
      expect(told('set-uid-other')).toMatchObject({ isSetUid: true, uid: 1001, gains: { uid: 1001 } });
      expect(told('script-of-plain')).toMatchObject({
        path: join(directory, 'script-of-plain'),
        executes: join(directory, 'plain'),
        isSetUid: false,
        capabilities: 'none',
      });
    });

    it("another process' securebits aren't seen: if uid 0 is involved the answer is unknown", async () => {
      const asker = await starters.get('user');
      const of = (file: string) =>
        explainSync(targets.pids['other-uid'] ?? 0, { debugger: join(directory, file), tracer: asker.pid });
      expect(of('effective')).toMatchObject({ answer: 'allowed', observed: null });
      expect(of('plain')).toMatchObject({ answer: 'denied', observed: null });
      expect(of('set-uid-root')).toMatchObject({
        answer: 'unknown',
        debugger: { gains: { capabilities: null } },
      });
    });

    it('if the starter sees another file system the answer about the program is unknown', async () => {
      const asker = await starters.get('nosuid');
      const options = { debugger: join(directory, 'effective'), tracer: asker.pid };
      expect(explainSync(targets.pids['other-uid'] ?? 0, options)).toMatchObject({
        answer: 'unknown',
        debugger: { capabilities: 'unknown', isNosuid: null, starts: null },
      });
    });

    it('no remedy offers a right that the program has, and each change of the starter is tried on the exec', async () => {
      const asker = await starters.get('no-new-privs');
      const options = { debugger: join(directory, 'effective') };
      const { remedies }: Explanation = await asker.call('explain', targets.pids['other-uid'], options);
      const actions = remedies.flatMap(remedy => remedy.actions.map(({ what }) => what));
      expect(actions.some(what => what.includes('has not set no_new_privs'))).toBe(true);
      const user = await starters.get('user');
      const inherited: Explanation = await user.call('explain', targets.pids['same-uid-capable'], {
        debugger: join(directory, 'permitted'),
      });
      // Its file capabilities would clear the ambient ones.
      const commands = inherited.remedies.flatMap(remedy => remedy.actions.map(({ command }) => command));
      expect(commands.filter(command => command?.includes('--ambient-caps'))).toEqual([]);
      const plain: Explanation = await user.call('explain', targets.pids['same-uid-capable'], {
        debugger: join(directory, 'plain'),
      });
      const offered = plain.remedies.flatMap(remedy => remedy.actions.map(({ command }) => command));
      expect(offered.filter(command => command?.includes('--ambient-caps'))).toHaveLength(1);
    });
  });
}

describe('a program whose exec gives nothing', BY_USER_TOO, () => {
  it('gets the same answer from the kernel as this process', async () => {
    const target = await ObedientProcess.start();
    const neighbour = await ObedientProcess.start();
    expect(await neighbour.call('explain', target.pid, { debugger: 'cat' })).toMatchObject({
      observed: { answeredBy: 'kernel' },
      debugger: { starts: true, gains: { uid: 'same', gid: 'same', capabilities: [] } },
    });
  });

  it('may attach to the process that starts it, which cannot attach to itself', async () => {
    const process = await ObedientProcess.start();
    expect(await process.call('explain', process.pid)).toMatchObject({ decidedBy: 'same-thread-group' });
    const asked: Explanation = await process.call('explain', process.pid, { debugger: 'cat', scope: 0 });
    expect(asked).toMatchObject({ verdict: 'allowed', observed: null });
  });

  it('is no ancestor of the processes that its starter has started', async () => {
    const parent = await ObedientProcess.start();
    const child: number = await parent.call('startChild');
    const at = (options: object) => parent.call('explain', child, { scope: 1, ...options });
    expect(await at({})).toMatchObject({ verdict: 'allowed' });
    expect(await at({ debugger: 'cat' })).toMatchObject({ verdict: 'unknown', decidedBy: 'yama-relation' });
  });

  it('asks TRACEME for a program that it starts', async () => {
    const { code, stdout } = await tracegate(['explain', '--mode', 'traceme', '--debugger', 'cat']);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/allowed: cat, started by you .* a program that the tracer starts/),
    });
    const refused = await tracegate(['explain', '--mode', 'traceme', '--debugger', 'cat', '--scope', '3']);
    expect(refused.code).toBe(1);
  });
});

describe('a path that is no program', BY_USER_TOO, () => {
  const words = (program: string) => ['explain', '--debugger', program, `${process.pid}`];

  it.each([
    ['no-such-program', /"no-such-program": no such program in PATH \(/],
    ['/no/such/program', /"\/no\/such\/program": no such file/],
    ['/usr', /"\/usr": that is a directory/],
    ['/etc/passwd', /"\/etc\/passwd": it has no execute permission: chmod \+x \/etc\/passwd/],
    ['/dev/null', /"\/dev\/null": that is not a regular file/],
    ['', /debugger must be the path of a program, or the name of one in PATH, not ''/],
  ])('%j is refused with a code, by its name', (program, message) => {
    expect(() => explainSync(process.pid, { debugger: program })).toThrow(
      expect.objectContaining({
        code: 'ERR_TRACEGATE_INVALID_OPTION',
        message: expect.stringMatching(message),
      }),
    );
  });

  it('is a usage error', async () => {
    const { code, stdout, stderr } = await tracegate(words('gbd'));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd()).toMatch(/^tracegate: debugger "gbd": .*$/);
  });

  it('is reported for a script whose interpreter is missing, or is the script itself', () => {
    const directory = privateDirectory(0o755);
    const script = (name: string, interpreter: string) => {
      const path = join(directory, name);
      writeFileSync(path, `#!${interpreter}\n`, { mode: 0o755 });
      return path;
    };
    const refused = (path: string) => () => explainSync(process.pid, { debugger: path });
    expect(refused(script('lost', '/no/interpreter'))).toThrow(
      /lost": its interpreter "\/no\/interpreter": no such file/,
    );
    expect(refused(script('circle', join(directory, 'circle')))).toThrow(/ELOOP/);
  });

  it('a name is looked up in PATH as a shell does, which skips files that cannot be executed', async () => {
    const directory = privateDirectory(0o755);
    for (const name of ['first', 'second', 'third']) mkdirSync(join(directory, name), { mode: 0o755 });
    writeFileSync(join(directory, 'first', 'tool'), '', { mode: 0o644 });
    mkdirSync(join(directory, 'second', 'tool'));
    copyFileSync('/bin/cat', join(directory, 'third', 'real'));
    chmodSync(join(directory, 'third', 'real'), 0o755);
    symlinkSync('real', join(directory, 'third', 'tool'));
    const { pid } = await sleeper(AS_USER);
    const PATH = ['first', 'second', 'third'].map(name => join(directory, name)).join(':');
    const { stdout } = await tracegate(['explain', '--debugger', 'tool', `${pid}`, '--json'], { PATH });
    expect(validated('explain', stdout)).toMatchObject({
      debugger: { path: join(directory, 'third', 'tool'), starts: true },
    });
  });
});
