// Programs whose exec gives rights, their starters and their targets. Compares the prediction of explain({ debugger })
// with the kernel's answer to the real program. Needs root.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import type { Explanation } from '../../lib/index.js';
import { ACCESS_MODES, type AccessMode } from '../../lib/policy/access/access-mode.js';
import { spawnRelative } from '../../lib/testing/index.js';
import { Random } from '../differential/random.js';
import { compile } from './compile.js';
import { ObedientProcess } from './processes.js';
import { isNightly, SEED } from './tier.js';

const USER = 1000;
const OTHER = 1001;

interface File {
  /** As setcap(8) takes them. */
  capabilities?: string[];
  uid?: number;
  gid?: number;
  mode?: number;
  /** A script of this interpreter. */
  script?: string;
}

export const FILES: Record<string, File> = {
  plain: {},
  permitted: { capabilities: ['cap_sys_ptrace=p'] },
  effective: { capabilities: ['cap_sys_ptrace=ep'] },
  inheritable: { capabilities: ['cap_sys_ptrace=ei'] },
  other: { capabilities: ['cap_net_raw=ep'] },
  'of-namespace': { capabilities: ['-n', `${USER}`, 'cap_sys_ptrace=ep'] },
  'set-uid-root': { mode: 0o4755 },
  'set-uid-root-with': { mode: 0o4755, capabilities: ['cap_sys_ptrace=ep'] },
  'set-uid-other': { mode: 0o4755, uid: OTHER },
  'set-gid-other': { mode: 0o2755, gid: OTHER },
  'set-both-other': { mode: 0o6755, uid: OTHER, gid: OTHER },
  'set-gid-alone': { mode: 0o2745, gid: OTHER },
  unreadable: { mode: 0o711, capabilities: ['cap_sys_ptrace=ep'] },
  'script-of-plain': { script: 'plain', mode: 0o4755, capabilities: ['cap_sys_ptrace=ep'] },
  'script-of-effective': { script: 'effective' },
};

/** A directory with each of these programs, which everybody may execute. */
export function buildPrograms(): { directory: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-debuggers-'));
  chmodSync(directory, 0o755);
  const source = compile('every-access.c');
  for (const [name, { script, uid = 0, gid = 0, mode = 0o755, capabilities }] of Object.entries(FILES)) {
    const path = join(directory, name);
    if (script === undefined) copyFileSync(source, path);
    else writeFileSync(path, `#! ${join(directory, script)}\n`);
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    if (capabilities !== undefined) {
      const { status, stderr } = spawnSync('setcap', [...capabilities, path], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
    }
  }
  mkdirSync(join(directory, 'nosuid'));
  return { directory, remove: () => rmSync(directory, { recursive: true }) };
}

const user = (...words: string[]) => [
  'setpriv',
  `--reuid=${USER}`,
  `--regid=${USER}`,
  '--clear-groups',
  ...words,
];

/** Each by the words before the command that it starts. `nosuid` sees the programs on a mount that is so. */
export const STARTERS: Record<string, (directory: string) => string[]> = {
  user: () => user(),
  'no-new-privs': () => user('--no-new-privs'),
  'without-bounding': () => user('--bounding-set=-sys_ptrace'),
  'with-inheritable': () => user('--inh-caps=+sys_ptrace'),
  'with-ambient': () => user('--inh-caps=+sys_ptrace', '--ambient-caps=+sys_ptrace'),
  'in-the-group': () => ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, `--groups=${OTHER}`],
  'ambient-no-new-privs': () =>
    user('--inh-caps=+sys_ptrace', '--ambient-caps=+sys_ptrace', '--no-new-privs'),
  nosuid: directory => [
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c'],
    'mount --bind "$0" "$0" && mount -o remount,bind,nosuid "$0" && exec "$@"',
    directory,
    ...user(),
  ],
  'user-namespace': () => [...user(), 'unshare', '--user', '--map-root-user'],
  root: () => ['setpriv', '--clear-groups'],
  'no-root': () => ['setpriv', '--securebits=+noroot'],
  'root-without-bounding': () => ['setpriv', '--bounding-set=-sys_ptrace'],
};

/** As test/fixtures/awaits.c: a process says a line once it is ready, and sleeps until its input ends. */
const SLEEPS = 'echo; exec cat';

export const TARGETS: Record<string, string[]> = {
  'same-uid': user(),
  'same-uid-capable': user('--inh-caps=+net_raw', '--ambient-caps=+net_raw'),
  'other-uid': ['setpriv', `--reuid=${OTHER}`, `--regid=${OTHER}`, '--clear-groups'],
  root: ['setpriv', '--clear-groups'],
  'in-user-namespace': [...user(), 'unshare', '--user', '--map-root-user'],
};

export interface Targets {
  pids: Record<string, number>;
  end(): void;
}

/** Relatives of this process alone. One of them has opted out. */
export async function startTargets(): Promise<Targets> {
  const children = await Promise.all(
    Object.entries(TARGETS).map(async ([name, [program = '', ...words]]) => {
      const child = spawn(program, [...words, 'sh', '-c', SLEEPS], { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(createInterface({ input: child.stdout }), 'line');
      return [name, child] as const;
    }),
  );
  const closed = await spawnRelative('stranger', { credentials: { uid: USER, gid: USER } });
  await closed.setDumpable('disabled');
  return {
    pids: {
      ...Object.fromEntries(children.map(([name, { pid }]) => [name, pid ?? 0])),
      'not-dumpable': closed.pid,
    },
    end: () => {
      for (const [, child] of children) child.stdin.end();
      void closed.end();
    },
  };
}

export type Answers = Record<string, string>;

const EPERM = 1;
const EACCES = 13;
/** Of perf_event_open in a kernel without it. */
const ENOSYS = 38;

const everyMode = (answer: string): Answers => Object.fromEntries(ACCESS_MODES.map(mode => [mode, answer]));

/** The kernel's answer to the program itself, started by that process, for each access mode. */
async function askReally(starter: ObedientProcess, path: string, pid: number): Promise<Answers> {
  const { code, output }: { code: string | null; output: string } = await starter.call('run', path, [
    `${pid}`,
  ]);
  if (code === 'EACCES') return everyMode('no program');
  // The exec failed: so it does nothing.
  if (code === 'EPERM') return everyMode('denied');
  return Object.fromEntries(
    output
      .trimEnd()
      .split('\n')
      .map(line => {
        const [way = '', errno] = line.split(' ');
        const isRefusal = [EPERM, EACCES, ENOSYS].includes(Number(errno));
        return [way, errno === '0' ? 'allowed' : isRefusal ? 'denied' : `errno ${errno}`];
      }),
  );
}

/** The prediction of a process, and the deciding step. */
async function explainBeforehand(asker: ObedientProcess, pid: number, path: string, mode: AccessMode) {
  try {
    const {
      answer,
      decidedBy,
      debugger: program,
    }: Explanation = await asker.call('explain', pid, {
      debugger: path,
      mode,
    });
    return { said: answer, decidedBy, because: program?.because };
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_TRACEGATE_INVALID_OPTION') throw error;
    return { said: 'no program', decidedBy: '', because: (error as Error).message };
  }
}

/** One question, its prediction, and the kernel's answer. */
export interface Row {
  file: string;
  target: string;
  mode: AccessMode;
  said: string;
  kernel: string | undefined;
  decidedBy: string;
  because: string | undefined;
}

export interface Question {
  file: string;
  target: string;
  modes: readonly AccessMode[];
}

/** Asks a starter about each program, and then has it start that. */
export async function askAll(
  asker: ObedientProcess,
  directory: string,
  pids: Record<string, number>,
  questions: readonly Question[],
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { file, target, modes } of questions) {
    const [path, pid] = [join(directory, file), pids[target] ?? 0];
    const beforehand = [];
    for (const mode of modes) beforehand.push({ mode, ...(await explainBeforehand(asker, pid, path, mode)) });
    const kernel = await askReally(asker, path, pid);
    rows.push(...beforehand.map(said => ({ file, target, ...said, kernel: kernel[said.mode] })));
  }
  return rows;
}

/** Processes that start programs, each from its first use until `end()`. */
export class Starters {
  readonly #directory: string;
  readonly #started = new Map<string, Promise<ObedientProcess>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  get(name: string): Promise<ObedientProcess> {
    const started =
      this.#started.get(name) ?? ObedientProcess.startShared('', STARTERS[name]?.(this.#directory) ?? []);
    this.#started.set(name, started);
    return started;
  }

  async end(): Promise<void> {
    for (const started of this.#started.values()) (await started).end();
  }
}

const OTHER_MODES = ACCESS_MODES.filter(mode => mode !== 'attach');

/** Every program, target and way in; in the short tier a few of these, which the commit's seed draws. */
export function drawQuestions(starter: string, targets: readonly string[]): Question[] {
  const random = new Random(SEED, starter);
  return Object.keys(FILES).flatMap(file => {
    const drawn = isNightly ? targets : [random.pick(targets)];
    return drawn.map(target => ({
      file,
      target,
      modes: isNightly ? ACCESS_MODES : (['attach', random.pick(OTHER_MODES)] as const),
    }));
  });
}
