// `tracegate scan` and its snapshots: real processes that are saved and read back, and files that are no snapshots.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Snapshot } from '../../lib/kernel/host.js';
import { readSnapshot, snapshotLines } from '../../lib/map/snapshot-file.js';
import { observe } from '../../lib/snapshot.js';
import { syntheticHost } from '../../scripts/bench/synthetic-host.mjs';
import { answered } from '../helpers/answered.js';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { sleeper } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-scan-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A file with these bytes. */
function fileOf(bytes: string | Buffer): string {
  const file = join(temporary(), 'host.ndjson');
  writeFileSync(file, bytes);
  return file;
}

const named = (seed: number, count: number): Snapshot => ({
  ...syntheticHost(seed, count),
  name: 'made-up',
  takenAt: '2026-11-26T12:00:00.000Z',
  nodes: new Map([[40, { sigusr1: 'handled', flags: [] }]]),
});

const linesOf = (snapshot: Snapshot) => [...snapshotLines(snapshot)];

describe('a snapshot', () => {
  it('fits the schema on each line, and is read back unchanged', BY_USER_TOO, async () => {
    const target = await sleeper();
    const { stdout, stderr, code } = await tracegate(['scan', '--ndjson']);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    for (const line of lines) validated('snapshot', line);
    const read = await readSnapshot(fileOf(stdout));
    expect(linesOf(read).join('')).toBe(stdout);
    expect(read.processes).toHaveLength(lines.length - 1);
    // The oracle for each process: the facts from a look at that process alone.
    const facts = observe().processes.find(({ pid }) => pid === target.pid);
    expect(read.processes.find(({ pid }) => pid === target.pid)).toEqual(facts);
    // This one is a Node, as they are made.
    expect(read.nodes.get(process.pid)).toEqual({ sigusr1: 'handled', flags: [] });
  });

  it('comes through a pipe, in pieces that end in the middle of a character', async () => {
    const snapshot = named(3, 200);
    snapshot.processes[50]!.comm = '日本語'.repeat(5);
    const bytes = Buffer.from(linesOf(snapshot).join(''));
    const child = spawn(process.execPath, [MAIN, 'scan', '--snapshot', '-', '--json'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const out: Buffer[] = [];
    child.stdout.on('data', piece => out.push(piece));
    for (let at = 0; at < bytes.length; at += 997) child.stdin.write(bytes.subarray(at, at + 997));
    child.stdin.end();
    const [code] = await once(child, 'close');
    const said = validated('scan', Buffer.concat(out).toString()) as {
      processes: { pid: number; comm: string }[];
    };
    expect(code).toBe(0);
    expect(said.processes.find(({ pid }) => pid === 51)?.comm).toBe('日本語'.repeat(5));
  });

  it('comes through a pipe that does not wait', async () => {
    const file = fileOf(linesOf(named(3, 50)).join(''));
    // Python: Node has no fcntl(2). The rest is written when the reader has taken the half and looks for more.
    const script = [
      'import array, fcntl, os, re, subprocess, sys, termios',
      'r, w = os.pipe()',
      'fcntl.fcntl(r, fcntl.F_SETFL, os.O_NONBLOCK)',
      'text = open(sys.argv[1], "rb").read()',
      'half = len(text) // 2',
      'os.write(w, text[:half])',
      'child = subprocess.Popen(sys.argv[2:], stdin=r)',
      'def unread():',
      '    count = array.array("i", [0])',
      '    fcntl.ioctl(r, termios.FIONREAD, count)',
      '    return count[0]',
      'def pauses(): return int(re.search(r"\\nvoluntary_ctxt_switches:\\s*(\\d+)", open(f"/proc/{child.pid}/status").read())[1])',
      'while unread() > 0 and child.poll() is None: pass',
      'before = pauses()',
      'while child.poll() is None and pauses() < before + 3: pass',
      'if child.poll() is None: os.write(w, text[half:])',
      'os.close(w)',
      'sys.exit(child.wait())',
    ].join('\n');
    const child = spawn('python3', ['-c', script, file, process.execPath, MAIN, 'scan', '--snapshot', '-']);
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', piece => out.push(piece));
    child.stderr.on('data', piece => err.push(piece));
    const [code] = await once(child, 'close');
    expect([code, Buffer.concat(err).toString()]).toEqual([0, '']);
    expect(Buffer.concat(out).toString()).toMatch(/^made-up, 50 processes/);
  });

  const whole = linesOf(named(1, 60));
  const [host = '', first = '', second = ''] = whole;
  const changed = (line: string, changes: object) =>
    `${JSON.stringify({ ...JSON.parse(line), ...changes })}\n`;

  it.each<[string, string | Buffer, RegExp]>([
    ['empty', '', /it is empty/],
    ['an empty line', '\n', /it is empty/],
    ['not JSON', 'hello\n', /line 1 is no JSON/],
    ['an array', '[]\n', /line 1 is not a host's/],
    ['another JSON', '{"a":1}\n', /line 1 is not a host's/],
    ['bytes', Buffer.from([0xff, 0xfe, 0, 1, 2, 10]), /line 1 is no JSON/],
    ['without a host', first + second, /line 1 is not a host's/],
    [
      'of a newer version',
      changed(host, { schemaVersion: 2 }) + first,
      /schemaVersion is 2, newer .* use a newer tracegate/,
    ],
    [
      'of no version',
      changed(host, { schemaVersion: 'x' }) + first,
      /line 1: \/schemaVersion must be equal to constant/,
    ],
    [
      'with another field',
      whole.join('').replace('"ppid":1,', '"ppid":1,"extra":1,'),
      /line \d+: it must NOT have unevaluated properties \(extra\)/,
    ],
    [
      'with a mask that is none',
      whole.join('').replace(/"capBounding":"[0-9a-f]+"/, '"capBounding":"zz"'),
      /line \d+: \/capBounding must match pattern/,
    ],
    [
      'with a namespace that is no number',
      whole.join('').replace(/"userNs":"\d+",/, '"userNs":"__proto__",'),
      /line \d+: \/userNs must match pattern/,
    ],
    [
      'with a namespace that has the name of a method',
      whole.join('').replace(/"userNsParents":\{/, '$&"toString":{"parent":"none","owner":0,"root":0},'),
      /line 1: \/userNsParents (must match pattern|property name must be valid)/,
    ],
    [
      'with the pid 0',
      changed(host, { processCount: 1 }) + changed(first, { pid: 0 }),
      /line 2: \/pid must be >= 1/,
    ],
    [
      'with a pid twice',
      changed(host, { processCount: 2 }) + first + first,
      /line 3: a second process with pid 1/,
    ],
    ['cut off between lines', whole.slice(0, -3).join(''), /it has 57 of its 60 processes: it was cut off/],
    ['cut off in a line', whole.join('').slice(0, -30), /line 61 is no JSON/],
    ['joined with another', whole.join('') + whole.join(''), /line 62: /],
    ['with a line without end', `${host}${'x'.repeat(3 << 20)}`, /a line of more than a megabyte/],
  ])('that is %s is refused, by its line and why', async (_, bytes, why) => {
    const file = fileOf(bytes);
    for (const command of ['scan', 'map']) {
      const { code, stdout, stderr } = await answered([command, '--snapshot', file]);
      expect(stderr).toMatch(why);
      expect(stderr).toContain(JSON.stringify(file).slice(1, -1));
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect([code, stdout]).toEqual([3, '']);
    }
  });

  it('that is refused is closed again', async () => {
    const file = fileOf('{"a":1}\n');
    const before = readdirSync('/proc/self/fd').length;
    for (let times = 0; times < 20; times++) await expect(readSnapshot(file)).rejects.toThrow(/line 1/);
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 10);
  });

  it('that is missing, or a directory, is an error that says so', async () => {
    const missing = await tracegate(['scan', '--snapshot', '/nonexistent/host.ndjson']);
    expect(missing.stderr).toMatch(/snapshot "\/nonexistent\/host.ndjson": ENOENT/);
    expect(missing.code).toBe(3);
    const directory = await tracegate(['map', '--snapshot', temporary()]);
    expect(directory.stderr).toMatch(/EISDIR/);
    expect(directory.code).toBe(3);
  });

  it('with a name that steers terminals or writes markup is shown by its codes', async () => {
    const snapshot = named(1, 60);
    snapshot.name = '\u001b[2Jhost';
    snapshot.processes[40]!.comm = '\u001b]0;x\u0007<b>\u202e';
    const file = fileOf(linesOf(snapshot).join(''));
    for (const words of [['scan'], ['map'], ['map', '--from', '41']]) {
      const { stdout } = await answered([...words, '--snapshot', file]);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    }
  });

  it('on a full disk gives an error', async () => {
    // A link: nothing may take the device's place.
    const full = join(temporary(), 'full');
    symlinkSync('/dev/full', full);
    const out = openSync(full, 'w');
    const child = spawn(process.execPath, [MAIN, 'scan', '--ndjson'], { stdio: ['ignore', out, 'pipe'] });
    closeSync(out);
    const said: Buffer[] = [];
    child.stderr?.on('data', piece => said.push(piece));
    const [code] = await once(child, 'close');
    expect(Buffer.concat(said).toString()).toMatch(/ENOSPC/);
    expect(code).toBe(3);
  });
});

describe('the table', () => {
  const file = () => fileOf(linesOf(named(1, 400)).join(''));

  it('has every process that can be traced, and with --all every process', async () => {
    const snapshot = file();
    const some = (await answered(['scan', '--snapshot', snapshot])).stdout;
    const all = (await answered(['scan', '--snapshot', snapshot, '--all'])).stdout;
    const pids = (said: string) => [...said.matchAll(/^(\d+) /gm)].map(([, pid]) => Number(pid));
    expect(pids(all)).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
    const kernelThread = new Set(
      named(1, 400).processes.flatMap(({ pid, kind }) => (kind === 'kernel-thread' ? [pid] : [])),
    );
    expect(kernelThread.size).toBeGreaterThan(20);
    expect(pids(some)).toEqual(pids(all).filter(pid => !kernelThread.has(pid)));
  });

  it.each([
    [['--uid', '1000', '--status', 'closed'], /^\d+ +\d+ +1000 +closed +ssh-agent$/],
    [['--status', 'open-to-uid', '--program', 'redis'], /open to uid \d+ +redis-server$/],
    [['--status', 'inspector'], /^40 .*inspector at SIGUSR1/],
    [['--status', 'traced'], /traced by \d+/],
  ])('with %j has those processes alone', async (words, row) => {
    const { stdout } = await answered(['scan', '--snapshot', file(), ...words]);
    const rows = stdout.trimEnd().split('\n').slice(4);
    expect(rows.length).toBeGreaterThan(0);
    for (const line of rows) expect(line).toMatch(row);
  });

  it('is sorted by --sort', async () => {
    const { stdout } = await answered(['scan', '--snapshot', file(), '--sort', 'program']);
    const names = stdout
      .trimEnd()
      .split('\n')
      .slice(4)
      .map(line => line.split(/ {2,}/).at(-1)!);
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBeGreaterThan(5);
  });

  it('at ptrace_scope 1 and 2 names the possible tracers', async () => {
    for (const [value, name, says] of [
      [1, 'restricted', 'open to its ancestors'],
      [2, 'admin-only', 'closed'],
    ] as const) {
      const snapshot = named(1, 200);
      snapshot.host.yama = { state: 'present', value, name };
      const { stdout } = await answered([
        'scan',
        '--snapshot',
        fileOf(linesOf(snapshot).join('')),
        '--program',
        'bash',
      ]);
      const rows = stdout.trimEnd().split('\n').slice(4);
      expect(rows.length).toBeGreaterThan(3);
      for (const row of rows) expect(row).toContain(says);
    }
  });

  it('at ptrace_scope 1 a process that declared any is open to its uid', async () => {
    const snapshot = named(1, 60);
    snapshot.host.yama = { state: 'present', value: 1, name: 'restricted' };
    const bash = snapshot.processes.find(({ comm, kind }) => comm === 'bash' && kind === 'user')!;
    Object.assign(bash, {
      declaredTracer: 'any',
      dumpable: true,
      tracerPid: 0,
      tracerTgid: 0,
      comm: 'any-one',
    });
    const file = fileOf(linesOf(snapshot).join(''));
    const { stdout } = await answered(['scan', '--snapshot', file, '--program', 'any-one']);
    expect(stdout).toMatch(/open to uid \d+ +any-one$/m);
  });

  it.each([
    [['--sort', 'colour'], /--sort "colour": use pid, uid, status or program/],
    [['--status', 'opne'], /--status "opne": use open-to-uid/],
    [['--uid', '10x'], /--uid "10x": use a user's name, or a number/],
    [['--uid', 'root', '--snapshot', '/x'], /--uid "root" with --snapshot: use a number/],
    [['--ndjson', '--uid', '0'], /--ndjson saves the whole snapshot: leave out --uid/],
    [['--ndjson', '--json'], /--json and --ndjson/],
    [['1234'], /scan takes no argument/],
  ])('%j is a usage error', async (words, why) => {
    const { code, stderr, stdout } = await answered(['scan', ...words]);
    expect(stderr).toMatch(why);
    expect([code, stdout]).toEqual([2, '']);
  });
});

it('ends without a message if its reader has closed', async () => {
  const child = spawn('sh', ['-c', `"$0" "$1" scan --ndjson | head -n 1`, process.execPath, MAIN], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', piece => out.push(piece));
  child.stderr.on('data', piece => err.push(piece));
  await once(child, 'close');
  expect(Buffer.concat(err).toString()).toBe('');
  expect(JSON.parse(Buffer.concat(out).toString()).type).toBe('host');
});
