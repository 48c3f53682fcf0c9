// scripts/lab as a black box. A lab that isn't installed is a failure, unless TRACEGATE_NO_LAB says that it is meant.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isNightly, SEED } from '../helpers/tier.js';
import { changedUntil, ended } from '../helpers/waits.js';

const LAB = fileURLToPath(new URL('../../scripts/lab', import.meta.url));

/** The directory in their command lines distinguishes the guests of this file from other guests. */
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync('/tmp/lab-test-');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  input?: Buffer;
}

/** However the test ends, the lab doesn't outlive it. */
function start(args: string[], { env = {}, cwd }: RunOptions = {}): ChildProcess {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const child = spawn(LAB, args, {
    env: { ...inherited, TMPDIR: scratch, ...env },
    stdio: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function ending(child: ChildProcess): Promise<Result> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [code, signal] = await once(child, 'close');
  return { code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}

async function lab(args: string[], options: RunOptions = {}): Promise<Result> {
  const child = start(args, options);
  child.stdin?.end(options.input);
  const result = await ending(child);
  if (result.code === 3) throw new Error(result.stderr);
  return result;
}

/** A lab whose command runs: it has said so. */
async function runningLab(script: string): Promise<ChildProcess> {
  const child = start(['--timeout', '1200', '--', 'sh', '-c', `echo ready; ${script}`]);
  const [chunk] = await once(child.stdout!, 'data');
  expect(String(chunk)).toMatch(/^ready\n/); // the output of the script may follow at once
  return child;
}

/** Pids, without zombies, that have the scratch directory in their command line or belong to a session of such. */
function guestProcesses(sessions: Set<string>): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, , , session = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z' || state === 'X') return false;
        const isGuest = readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`${scratch}/tracegate-lab-`);
        if (isGuest) sessions.add(session);
        return isGuest || sessions.has(session);
      } catch {
        return false; // It ended while it was looked at.
      }
    });
}

async function expectNothingLeft(sessions: Set<string>): Promise<void> {
  const left = () => guestProcesses(sessions).map(Number);
  for (let pids = left(); pids.length > 0; pids = left()) await ended(...pids);
  await changedUntil(scratch, () => readdirSync(scratch).length === 0);
}

const WORDS = ['a b', '', 'it\'s "x"', 'new\nline', '$HOME `id` \\n *', '--', 'ünï€', '=x'];
const INPUT = Buffer.from('one\ntwo\0three');

interface Asked extends Result {
  cwd: string;
  /** The file that it wrote in a directory of the host's /tmp. */
  written: string;
  /** Its output at each scope. */
  scopes: string;
  /** Of the command: its arguments, directory and environment, the length of its input, a new file in /tmp, its status. */
  given: string;
  inputLength: string;
  temporary: string;
  status: string[];
}

/** One boot answers what several tests ask. */
let asked: Promise<Asked> | undefined;
const answers = () => {
  asked ??= ask();
  return asked;
};

async function ask(): Promise<Asked> {
  // The shell drops variables whose names it can't spell: they are read where the lab put them.
  const given = `const environment = require('node:fs').readFileSync('/proc/' + process.ppid + '/environ', 'utf8');
    const valueOf = name => environment.split('\\0').find(line => line.startsWith(name + '='))?.slice(name.length + 1);
    console.log(JSON.stringify([process.argv.slice(1), process.cwd(), valueOf('odd-name'), valueOf('HOME')]))`;
  const script = `node=$1 given=$2 directory=$3; shift 3
    id -u; cat /proc/sys/kernel/yama/ptrace_scope; echo $TRACEGATE_LAB $TRACEGATE_SCOPE
    setsid sleep 1000 &
    [ $TRACEGATE_SCOPE = 3 ] || exit 0
    "$node" -e "$given" -- "$@"; wc -c; echo real >"$directory/file"; mktemp /tmp/only-in-the-guest-XXXXXX
    exec cat /proc/self/status`;
  const cwd = mkdtempSync(`${scratch}/work "dir'-`);
  const directory = mkdtempSync(`${scratch}/kept-`);
  const words = [process.execPath, given, directory, ...WORDS];
  const options = { env: { 'odd-name': 'two\nlines' }, cwd, input: INPUT };
  const result = await lab(
    ['--timeout', '1200', '--scope', '0,1,2,3', '--', 'sh', '-c', script, 'sh', ...words],
    options,
  );
  const written = readFileSync(`${directory}/file`, 'utf8');
  for (const made of [cwd, directory]) rmSync(made, { recursive: true });
  const lines = result.stdout.toString().split('\n');
  const scopes = lines.splice(0, 4 * 3).join('\n');
  const [said = '', inputLength = '', temporary = '', ...status] = lines;
  return { ...result, cwd, written, scopes, given: said, inputLength, temporary, status };
}

/** Another one, with input. */
let coded: Promise<Result> | undefined;
const codes = () => {
  const script = 'cat; exit $((TRACEGATE_SCOPE * 139 % 256))';
  coded ??= lab(['--stdin', '--scope', '0,1,2', '--', 'sh', '-c', script], { input: INPUT });
  return coded;
};

describe.skipIf(process.env.TRACEGATE_NO_LAB !== undefined)('the lab, unless TRACEGATE_NO_LAB is set', () => {
  it('runs the command as root of a kernel at each asked scope, with the scope in its environment', async () => {
    const { code, scopes, stderr } = await answers();
    expect(scopes).toBe([0, 1, 2, 3].map(scope => `0\n${scope}\numl ${scope}`).join('\n'));
    expect(stderr.match(/^lab: uml, scope [0-3]: exit 0/gm)).toHaveLength(4);
    expect(code).toBe(0);
  });

  it("exits with the command's code: the first of the scopes that isn't 0", async () => {
    expect((await codes()).code).toBe(139);
  });

  it('gives the command its arguments, environment and directory unchanged', async () => {
    const { given, cwd } = await answers();
    expect(JSON.parse(given)).toEqual([WORDS, cwd, 'two\nlines', process.env.HOME]);
  });

  it('carries standard output and standard error byte for byte, and apart', async () => {
    const file = `${scratch}/bytes`;
    const bytes = Buffer.from(Array.from({ length: 4_000_003 }, (_, i) => (i * i + (i >> 8)) & 0xff));
    writeFileSync(file, bytes);
    const child = start(['--', 'sh', '-c', 'cat "$0"; cat "$0" >&2; exit 5', file]);
    const stderr: Buffer[] = [];
    child.stderr!.on('data', (chunk: Buffer) => stderr.push(chunk));
    const { code, stdout } = await ending(child);
    rmSync(file);
    expect(code).toBe(5);
    expect(stdout.equals(bytes)).toBe(true);
    expect(Buffer.concat(stderr).subarray(0, bytes.length).equals(bytes)).toBe(true);
  });

  it('gives an empty standard input unless it is asked for', async () => {
    expect((await answers()).inputLength).toBe('0');
    expect((await codes()).stdout).toEqual(Buffer.concat([INPUT, INPUT, INPUT]));
  });

  it('starts the command with every capability, nothing ignored or blocked, untraced, and not as pid 1', async () => {
    const status = new Map((await answers()).status.map(line => line.split(/:\s*/) as [string, string]));
    expect(status.get('CapEff')).toBe(status.get('CapBnd'));
    expect(BigInt(`0x${status.get('CapEff')}`) & (1n << 19n)).not.toBe(0n);
    expect(status.get('SigIgn')).toMatch(/^0+$/);
    expect(status.get('SigBlk')).toMatch(/^0+$/);
    expect(status.get('TracerPid')).toBe('0');
    expect(Number(status.get('Pid'))).toBeGreaterThan(1);
  });

  it('keeps /tmp of the guest in the guest, and shows what the host has there', async () => {
    const { written, temporary } = await answers();
    expect(written).toBe('real\n');
    expect(temporary).toMatch(/^\/tmp\/only-in-the-guest-/);
    expect(readdirSync('/tmp')).not.toContain(temporary.slice('/tmp/'.length));
  });

  it('says 70 when a signal killed the command, and which; an exit code above 128 is no signal', async () => {
    const script = '[ $TRACEGATE_SCOPE = 1 ] && exit 139; kill -SEGV $$';
    const killedFirst = await lab(['--scope', '0,1', '--', 'sh', '-c', script]);
    expect(killedFirst.code).toBe(70);
    expect(killedFirst.stderr).toMatch(/^lab: uml, scope 0: .*killed by SIGSEGV/m);
    expect(killedFirst.stderr).toMatch(/^lab: uml, scope 1: exit 139 /m);
  });

  it('says 70 and shows the console when the guest panics', async () => {
    const { code, stderr } = await lab(['--', 'sh', '-c', 'echo c >/proc/sysrq-trigger; sleep 1000']);
    expect(code).toBe(70);
    expect(stderr).toMatch(/^ {2}\| Kernel panic/m);
    await expectNothingLeft(new Set());
  });

  it('says 70 when the guest ends without an exit code, and does not run the command again', async () => {
    // More than a pipe holds: when it is written, the host has the word before it.
    const script = 'echo once; head -c 200000 /dev/zero; echo b >/proc/sysrq-trigger; sleep 1000';
    const { code, stdout } = await lab(['--', 'sh', '-c', script]);
    expect(code).toBe(70);
    expect(stdout.toString().replaceAll('\0', '')).toBe('once\n');
  });

  it('says 124 when the time is over', async () => {
    const { code, stderr } = await lab(['--timeout', '3', '--', 'sleep', '1000']);
    expect(code).toBe(124);
    expect(stderr).toMatch(/timed out after 3 s/);
    await expectNothingLeft(new Set());
  });

  it('ends what the command left running', async () => {
    // At each scope it leaves a process behind, and ends.
    const { code, stderr, status } = await answers();
    expect([code, stderr.match(/^lab: uml, scope [0-3]: exit 0/gm)?.length]).toEqual([0, 4]);
    expect(status.at(-1)).toBe('');
  });

  const SIGNALS = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const;
  // Each takes a boot: in `npm test` the commit's seed draws one.
  it.each(isNightly ? SIGNALS : [SIGNALS[SEED % SIGNALS.length]!])(
    'says 128 + the signal after %s and leaves nothing',
    async (signal, expected) => {
      const child = await runningLab('sleep 1000');
      const sessions = new Set<string>();
      expect(guestProcesses(sessions)).not.toEqual([]);
      child.kill(signal);
      expect((await ending(child)).code).toBe(expected);
      await expectNothingLeft(sessions);
    },
  );

  it('leaves nothing when it is killed with SIGKILL', async () => {
    const child = await runningLab('sleep 1000 & sleep 1000');
    const sessions = new Set<string>();
    expect(guestProcesses(sessions).length).toBeGreaterThan(2);
    child.kill('SIGKILL');
    await once(child, 'close');
    await expectNothingLeft(sessions);
  });

  it('ends by SIGPIPE when its output has no reader any more', async () => {
    const child = await runningLab('while :; do echo y; done');
    child.stdout!.destroy();
    const [code] = await once(child, 'exit');
    expect(code).toBe(141);
    await expectNothingLeft(new Set());
  });

  it.each([
    [['--scope', '4', '--', 'true'], /--scope '4' is not usable: give one of 0, 1, 2, 3/],
    [['--scop', '1', '--', 'true'], /unknown option '--scop': the options are --kernel/],
    [['true'], /unexpected word 'true': put the command after --/],
    [['--timeout', '0', '--', 'true'], /--timeout '0' is not usable/],
    [['--scope', '1'], /no command/],
  ])('says 2 and one line for %j', async (args, message) => {
    const { code, stderr } = await lab(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each([
    ['qemu', 'sh scripts/setup.sh'],
    ['arm64', 'npm run test:arm64'],
  ])('says 3 and the remedy when no kernel is installed for %s', async (kernel, remedy) => {
    const child = start(['--kernel', kernel, '--', 'true'], { env: { XDG_CACHE_HOME: `${scratch}/none` } });
    const { code, stderr } = await ending(child);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^lab: .*: run '.*'\n$/);
    expect(stderr).toContain(`run '${remedy}'`);
  });
});
