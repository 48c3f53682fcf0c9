// `--ptracer tree` and `--tree` of tracegate-launch: which processes of a tree declare the tracer. Programs that really
// read are the oracle: process_vm_readv, pidfd_getfd and PTRACE_ATTACH of test/fixtures/tree-reader.c and tree-workers.py.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { compile, STATIC_OPTIONS } from '../helpers/compile.js';
import { AS_USER, ROOT, USER } from '../helpers/processes.js';
import { admitted, notAdmitted } from './family.js';
import { itAtOneScope, scope, scopeName } from './scope.js';

/** Where every user may execute it: the clone may lie where only root can look. */
const directory = mkdtempSync(join(tmpdir(), 'tracegate-tree-'));
const LAUNCH = join(directory, 'tracegate-launch');
const LIBRARY = join(directory, 'tracegate-tree.so');
const WORKERS = join(directory, 'tree-workers.py');
const SET_ID = join(directory, 'set-id');
chmodSync(directory, 0o755);
for (const file of ['tracegate-launch', 'tracegate-tree.so'])
  copyFileSync(join(ROOT, 'native', 'build', 'Release', file), join(directory, file));
copyFileSync(join(ROOT, 'test', 'fixtures', 'tree-workers.py'), WORKERS);
chmodSync(WORKERS, 0o644);
afterAll(() => rmSync(directory, { recursive: true }));

const MEMBER = compile('tree-member.c');
const STATIC = compile('tree-member.c', STATIC_OPTIONS);
const READER = compile('tree-reader.c');
copyFileSync(MEMBER, SET_ID);
chownSync(SET_ID, USER + 1, USER + 1);
chmodSync(SET_ID, 0o4755);

const answers = (answer: string) => `readv ${answer} getfd ${answer} attach ${answer}`;
const ADMITTED = answers(admitted);
const REFUSED = answers(notAdmitted);

/** A program that says lines. Input 3 ends with the test, and its members with it. */
class Program {
  readonly child: ChildProcess & { pid: number };
  readonly #lines: AsyncIterator<string>;

  constructor(words: readonly string[], user: { uid?: number; gid?: number } = AS_USER) {
    const [program = '', ...rest] = words;
    const child = spawn(program, rest, {
      stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe', 'pipe'],
      ...user,
    });
    onTestFinished(() => {
      for (const stream of [child.stdin, ...child.stdio.slice(3)] as { destroy(): void }[]) stream.destroy();
    });
    this.child = child as ChildProcess & { pid: number };
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    return (await this.#lines.next()).value;
  }

  /** Writes a line to one of its inputs. */
  tell(text: string, input = 0): void {
    (this.child.stdio[input] as NodeJS.WritableStream).write(`${text}\n`);
  }

  /** Has the shell execute that, which says a line. */
  async says(command: string): Promise<string> {
    this.tell(command);
    return this.line();
  }

  /** Starts a process of the tree. Returns `PID ADDRESS FD`. */
  member = (way: string, program = MEMBER) => this.says(`${program} ${way} <&3 &`);

  /** What one of its children gets of the target. */
  reads = (target: string) => this.says(`${READER} ${target}`);
}

/** A shell whose children are strangers to each other: siblings. */
const shell = (...options: string[]) =>
  new Program(options.length === 0 ? ['sh', '-s'] : [LAUNCH, ...options, '--', 'sh', '-s']);
const tree = () => shell('--ptracer', 'tree');
const strangerReads = (target: string) => new Program([READER, ...target.split(' ')]).line();

describe(`a tree whose processes declare its first one, at ${scopeName}`, () => {
  it.each(['fork', 'spawn', 'forkserver'])(
    'workers of Python’s multiprocessing, by %s, read each other, and a stranger does not',
    async method => {
      const words = ['/usr/bin/python3', WORKERS, method];
      const answersOf = async (program: Program) => JSON.parse(await program.line());

      const before = await answersOf(new Program(words));
      expect(before).toEqual({
        'worker to worker': [REFUSED, REFUSED],
        'worker to main': [REFUSED, REFUSED],
      });

      const workers = new Program([LAUNCH, '--ptracer', 'tree', '--', ...words]);
      expect(await answersOf(workers)).toEqual({
        'worker to worker': [ADMITTED, ADMITTED],
        'worker to main': [ADMITTED, ADMITTED],
      });
      for (let count = 0; count < 3; count += 1) {
        expect(await strangerReads(await workers.line())).toBe(REFUSED);
      }
      workers.child.stdin!.end();
      expect((await once(workers.child, 'exit'))[0]).toBe(0);
    },
  );

  itAtOneScope(
    'a process of the tree, however it was made, is readable to a sibling and not to a stranger',
    async () => {
      const first = tree();
      const found: [string, string, string][] = [];
      const ways = [
        ...['fork', 'grandchild', 'thread-fork', 'forkpty', 'daemon', 'fork-exec', 'vfork-exec'],
        ...['posix_spawn', 'clone3-exec', 'thread-exec'],
      ];
      for (const way of ways) {
        const target = await first.member(way);
        found.push([way, await first.reads(target), await strangerReads(target)]);
      }
      expect(found).toEqual(ways.map(way => [way, ADMITTED, REFUSED]));

      const without = shell();
      expect(await without.reads(await without.member('fork'))).toBe(REFUSED);
    },
    1,
  );

  itAtOneScope(
    'child processes of Node read each other',
    async () => {
      const script = `
        const { spawn } = require('node:child_process');
        spawn(${JSON.stringify(MEMBER)}, ['self'], { stdio: [3, 'pipe', 'inherit'] }).stdout.once('data', target =>
          spawn(${JSON.stringify(READER)}, String(target).split(' '), { stdio: 'inherit' }));`;
      const node = [process.execPath, '-e', script];
      expect(await new Program(node).line()).toBe(REFUSED);
      expect(await new Program([LAUNCH, '--ptracer', 'tree', '--', ...node]).line()).toBe(ADMITTED);
    },
    1,
  );

  itAtOneScope(
    'processes without a declaration: by _Fork and clone without exec, of a static program by posix_spawn, of one without LD_PRELOAD',
    async () => {
      const first = tree();
      const target = {
        _Fork: await first.member('_Fork'),
        clone: await first.member('clone'),
        'clone, a raw call': await first.member('raw-clone'),
        'clone3, a raw call': await first.member('raw-clone3'),
        'static, by posix_spawn': await first.member(`posix_spawn ${STATIC}`),
        'a child of a static program': await first.member('fork', STATIC),
        'a child of a program without environment': await first.member('fork', `env -i ${MEMBER}`),
        'one that declares another tracer': await first.member('declares-itself'),
      };
      for (const [way, place] of Object.entries(target))
        expect([way, await first.reads(place)]).toEqual([way, REFUSED]);
    },
    1,
  );

  itAtOneScope(
    'a process that was forked by a program with the library keeps its declaration over exec, also of a static program',
    async () => {
      const first = tree();
      for (const program of [`fork-exec ${STATIC}`, `fork-exec ${MEMBER}`])
        expect(await first.reads(await first.member(program))).toBe(ADMITTED);
      expect(await first.reads(await first.member('self', `env -i ${MEMBER}`))).toBe(ADMITTED);
    },
    1,
  );

  itAtOneScope('a set-id program stays closed by its ids, declared or not', async () => {
    const first = tree();
    const target = await first.member('self', SET_ID);
    expect(await first.reads(target)).toBe(answers('EPERM'));
  });

  itAtOneScope(
    'an orphan is readable, and reads no other: it descends from the first process no more',
    async () => {
      const first = tree();
      const target = await first.member('daemon');
      expect(await first.reads(target)).toBe(ADMITTED);
      expect(await first.reads(`${target} orphan`)).toBe(REFUSED);
    },
    1,
  );

  itAtOneScope(
    '--ptracer any and PID, with --tree, hold for each process, and without it for the first one',
    async () => {
      const stranger = new Program(['sh', '-s']);
      const isReadBy = async (reader: Program, ...options: string[]) =>
        reader.reads(await shell(...options).member('fork'));
      const pid = `${stranger.child.pid}`;
      expect(await isReadBy(stranger, '--ptracer', pid)).toBe(REFUSED);
      expect(await isReadBy(stranger, '--ptracer', 'any')).toBe(REFUSED);
      expect(await isReadBy(stranger, '--ptracer', pid, '--tree')).toBe(ADMITTED);
      expect(await isReadBy(stranger, '--ptracer', 'any', '--tree')).toBe(ADMITTED);
      expect(await isReadBy(new Program(['sh', '-s']), '--ptracer', pid, '--tree')).toBe(REFUSED);
    },
    1,
  );

  itAtOneScope(
    'a --ptracer inside of the tree counts for its own command, and the tree’s no longer',
    async () => {
      const first = tree();
      expect(await first.reads(await first.member('self', `${LAUNCH} --ptracer none -- ${MEMBER}`))).toBe(
        REFUSED,
      );
      expect(await first.reads(await first.member('fork', `${LAUNCH} --ptracer none -- ${MEMBER}`))).toBe(
        REFUSED,
      );
      // The inner tree is open to itself: the reader is not in it.
      expect(await first.reads(await first.member('fork', `${LAUNCH} --ptracer tree -- ${MEMBER}`))).toBe(
        REFUSED,
      );
      expect(await first.reads(await first.member('fork', `${LAUNCH} --core off -- ${MEMBER}`))).toBe(
        ADMITTED,
      );
    },
    1,
  );
});

/** A shell of the ordinary user with that pid, which must be free. */
async function shellWithPid(pid: number): Promise<Program> {
  const words = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', 'sh', '-s'];
  const program = new Program([compile('with-pid.c'), `${pid}`, ...words], {});
  expect(await program.says('echo $$')).toBe(`${pid}`);
  return program;
}

async function kill(program: Program): Promise<void> {
  program.child.kill('SIGKILL');
  await once(program.child, 'exit');
}

describe(`the end of the first process, at ${scopeName}`, () => {
  itAtOneScope(
    'closes the others to each other, and a stranger that gets its pid reads none, old or new',
    async () => {
      const first = tree();
      const { pid } = first.child;
      const old = await first.member('fork');
      await first.says(`${MEMBER} late-fork <&4 &`);
      // Another shell of the tree, which outlives the first process.
      expect(await first.says('sh -s <&5 & echo $!')).toMatch(/^\d+$/);
      first.tell(`${READER} ${old}`, 5);
      expect(await first.line()).toBe(ADMITTED);

      await kill(first);
      first.tell(`${READER} ${old}`, 5);
      expect(await first.line()).toBe(REFUSED);

      const stranger = await shellWithPid(pid);
      first.tell('', 4);
      const later = await first.line();
      expect(await stranger.reads(old)).toBe(REFUSED);
      expect(await stranger.reads(later)).toBe(REFUSED);
    },
    1,
  );

  // The library has seen the first process alive, and declares its pid after that.
  it.skipIf(scope !== 1)(
    'between the look and the declaration: a stranger with its pid is declared, and at once no more (scope 1 only)',
    async () => {
      const first = tree();
      const late = Number(await first.says(`${MEMBER} late-fork <&4 &`));
      // A child of `late` stops after its first close(), which ends the look.
      const strace = spawn(
        'strace',
        ['-f', '-e', 'trace=close', '-e', 'inject=close:signal=SIGSTOP:when=1', '-p', `${late}`],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      onTestFinished(() => void strace.kill('SIGKILL'));
      const lines = createInterface({ input: strace.stderr! })[Symbol.asyncIterator]();
      const said = async (pattern: RegExp): Promise<string> => {
        for (;;) {
          const { value, done } = await lines.next();
          if (done) throw new Error(`strace did not say ${pattern}`);
          const [, found] = pattern.exec(value) ?? [];
          if (found !== undefined) return found;
        }
      };
      await said(/Process (\d+) attached/);
      const announced = first.line();
      const never = announced.then(line => {
        throw new Error(`${line} didn't stop`);
      });
      first.tell('', 4);
      const child = Number(await Promise.race([said(/\[pid +(\d+)\] --- stopped by SIGSTOP ---/), never]));
      never.catch(() => {});
      await kill(first);
      const stranger = await shellWithPid(first.child.pid);
      process.kill(child, 'SIGCONT');
      const target = await announced;
      expect(target.split(' ')[0]).toBe(`${child}`);
      expect(await stranger.reads(target)).toBe(REFUSED);
    },
  );
});

describe(`the variable of the library, at ${scopeName}`, () => {
  itAtOneScope(
    'is obeyed only if namespace, pid and start time are those of one process',
    async () => {
      const stranger = new Program(['sh', '-s']);
      const { pid } = stranger.child;
      const own = readlinkSync('/proc/self/ns/pid');
      const stat = await stranger.says(`cat /proc/$$/stat`);
      const start = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3]);
      const readOf = async (variable: string) => {
        const words = [`LD_PRELOAD=${LIBRARY}`, `TRACEGATE_PTRACER=${variable}`, MEMBER, 'self'];
        return stranger.reads(await new Program(['env', ...words]).line());
      };
      expect(await readOf(`${own}-${pid}-${start}`)).toBe(ADMITTED);
      for (const variable of [
        `pid:[1]-${pid}-${start}`,
        `${own}-${pid}-${start + 1}`,
        `${own}-${pid}-${`${start}`.slice(0, -1)}`,
        `${own}-${pid}-`,
        `${own}-${pid}`,
        `${own}-${pid}x-${start}`,
        `${own}--${start}`,
        `${'x'.repeat(300)}-${pid}-${start}`,
        '',
      ])
        expect([variable, await readOf(variable)]).toEqual([variable, REFUSED]);
    },
    1,
  );

  itAtOneScope(
    'means nothing in another pid namespace, where another process has the pid',
    async () => {
      // In the namespace are two shells of the ordinary user. The first process is outside, and one of them has its pid.
      const user = `setpriv --reuid=${USER} --regid=${USER} --clear-groups sh -s`;
      const inside = `${compile('with-pid.c')} $0 ${user} <&5 & exec ${user}`;
      const outside = `exec unshare --pid --fork --mount-proc sh -c '${inside}' $$`;
      const first = new Program([LAUNCH, '--ptracer', 'tree', '--', 'sh', '-c', outside], {});
      first.tell('echo $$', 5);
      expect(await first.line()).toBe(`${first.child.pid}`);
      const target = await first.member('fork');
      first.tell(`${READER} ${target}`, 5);
      expect(await first.line()).toBe(REFUSED);
    },
    1,
  );
});
