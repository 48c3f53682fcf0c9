// What an assessor asks of `tracegate audit`: evidence, control ids, waivers, several roots and profiles in one run, and files
// without colours. The formats are in fleet.test.ts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AuditReport, audit, type Profile } from '../../lib/audit/index.js';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { ROOT } from '../helpers/processes.js';
import { type Files, rootTree, SYSTEMD } from '../helpers/root-tree.js';

const KEY = 'kernel.yama.ptrace_scope';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

const osRelease = (id: string, versionId: string) => ({
  '/etc/os-release': `ID="${id}"\nVERSION_ID="${versionId}"\nPRETTY_NAME="${id} ${versionId}"\n`,
});
const tree = (scope: number, more: Files = {}): Files => ({
  ...SYSTEMD,
  '/etc/sysctl.d/60-x.conf': `${KEY} = ${scope}\n`,
  ...more,
});

function temporary(name: string, content: object): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-evidence-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, name);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const own: Profile = {
  schemaVersion: 1,
  id: 'own',
  version: '7',
  title: 'Our own',
  source: { document: 'a test', item: null, reference: 'here' },
  ptraceScope: { value: 1, match: 'at-least', in: ['next-boot'], explicit: false },
};

describe('the evidence', () => {
  it('of a tree is its own host and system, and the host that audits', async () => {
    const root = rootTree(tree(1, { ...osRelease('rhel', '9.4'), '/etc/hostname': '# a\nbox7\n' }));
    const before = Date.now();
    const { evidence } = await audit({ root, profile: 'stig' });
    expect(Date.parse(evidence.time)).toBeGreaterThanOrEqual(before);
    expect(evidence).toEqual({
      time: new Date(evidence.time).toISOString(),
      host: 'box7',
      auditor: hostname(),
      os: { id: 'rhel', version: '9.4', name: 'rhel 9.4' },
      kernel: null,
      toolVersion: version,
      profileVersion: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      command: `tracegate audit --profile stig --root ${root}`,
    });
  });

  it('of a tree without these files says so', async () => {
    const { evidence } = await audit({ root: rootTree(tree(1)), profile: own });
    expect(evidence).toMatchObject({ host: null, os: null, profileVersion: '7', command: null });
  });

  it('of the running system is in the text too', async () => {
    const { stdout } = await tracegate(['audit']);
    for (const [name, value] of [
      ['time', '\\d{4}-\\d\\d-\\d\\dT.*Z'],
      ['host', hostname()],
      ['system', `.*, kernel ${release()}`],
      ['by', `tracegate ${version}, profile cis \\S+`],
      ['again', 'tracegate audit --profile cis'],
    ])
      expect(stdout).toMatch(new RegExp(`^${name} +${value}$`, 'm'));
  });

  it('has a command that repeats the audit, also of a path that a shell would split', async () => {
    const root = join(rootTree({ ...tree(0), '/a b/etc/sysctl.d/1.conf': `${KEY}=2\n` }), 'a b');
    const profile = temporary("it's own.json", own);
    const { evidence } = await audit({ root, profile });
    const { stdout } = spawnSync(
      'sh',
      ['-c', `${evidence.command?.replace('tracegate', '"$@"')} --json`, 'sh', process.execPath, MAIN],
      {
        encoding: 'utf8',
        cwd: '/',
      },
    );
    const again = JSON.parse(stdout) as AuditReport;
    expect(again).toMatchObject({
      root,
      profile: { id: 'own' },
      assignments: [{ value: '2' }, { value: '2' }],
    });
  });
});

describe('control ids', () => {
  const ids = async (profile: string, id: string, versionId: string) => {
    const { controls } = await audit({ profile, root: rootTree(tree(1, osRelease(id, versionId))) });
    return controls.map(one => one.id);
  };

  it.each([
    ['debian', '12', ['1.5.2']],
    ['debian', '13', ['1.5.3', '1.5.10']],
    ['ubuntu', '24.04', ['1.5.2']],
    ['rhel', '8.10', ['1.5.7', 'CCE-80953-3']],
    ['rhel', '9.6', ['1.5.2', 'CCE-83965-4']],
    ['rhel', '10.0', ['1.5.7', 'CCE-88785-1']],
    ['alpine', '3.22', []],
  ])('of cis on %s %s', async (id, versionId, wanted) => {
    const found = await ids('cis', id, versionId);
    expect(found.filter(one => /^1\.|^CCE/.test(one))).toEqual(wanted);
    expect(found).toContain('SC-7(10)');
  });

  it.each([
    ['rhel', '9.6', ['RHEL-09-213080', 'CCI-001082', 'SC-2']],
    ['rhel', '8.10', ['RHEL-08-040282', 'CCI-000366', 'CM-6 b']],
    ['rhel', '10.0', ['RHEL-10-701140', 'CCI-001082', 'SC-2']],
    ['ol', '9.5', ['OL09-00-002410', 'CCI-001082', 'SC-2']],
  ])('of stig on %s %s', async (id, versionId, wanted) => {
    expect(await ids('stig', id, versionId)).toEqual(expect.arrayContaining(wanted));
  });
});

describe('waivers', () => {
  const day = (days: number) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 10);
  const waiver = { row: 'next-boot', owner: 'Ada <ada@example.org>', reason: 'ticket 7' };
  const waived = (expires: string) => temporary('own.json', { ...own, waivers: [{ ...waiver, expires }] });

  it('a waived failure ends with 0, and every format names the waiver', async () => {
    const profile = waived(day(30));
    const root = rootTree(tree(0));
    const report = await audit({ root, profile });
    expect(report.verdict).toBe('waived');
    const words = ['audit', '--root', root, '--profile', profile, '--format'];
    const said = 'waived by Ada <ada@example.org> until ';
    for (const [format, text] of [
      ['human', said],
      ['json', '"owner":"Ada <ada@example.org>"'],
      ['sarif', said],
      ['csv', said],
      ['junit', said.replace('<', '&#60;').replace('>', '&#62;')],
      ['xccdf', 'authority="Ada &#60;ada@example.org&#62;"'],
      ['prometheus', 'tracegate_audit{profile="own",root="'],
    ] as const) {
      const run = await tracegate([...words, format]);
      expect({ format, code: run.code, stderr: run.stderr }).toEqual({ format, code: 0, stderr: '' });
      expect(run.stdout).toContain(text);
      if (format === 'json') validated('audit', run.stdout);
      if (format === 'human') expect(run.stdout).toMatch(/^! waived {2}Our own/);
      if (format === 'prometheus') expect(run.stdout).toMatch(/^tracegate_audit\{.*verdict="waived"\} 1$/m);
    }
  });

  it('an expired waiver changes nothing but the reason', async () => {
    const { code, stdout } = await tracegate([
      'audit',
      '--root',
      rootTree(tree(0)),
      '--profile',
      waived(day(-1)),
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain(`the waiver of Ada <ada@example.org> expired on ${day(-1)}`);
  });

  it.each([
    ['without an owner', { row: 'running', reason: 'x', expires: '2027-01-01' }, /required property 'owner'/],
    ['with a date of another form', { ...waiver, expires: '1.2.2027' }, /\/waivers\/0\/expires/],
    ['with a month that no year has', { ...waiver, expires: '2027-13-01' }, /\/waivers\/0\/expires/],
  ])('a waiver %s is refused', async (_, one, message) => {
    const profile = temporary('own.json', { ...own, waivers: [one] });
    const run = await tracegate(['audit', '--root', rootTree(tree(0)), '--profile', profile]);
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  });
});

describe('several roots and profiles', () => {
  const [strong, weak, unset] = [tree(1), tree(0), { ...SYSTEMD, '/etc/hosts': '' }];
  /** Nothing runs in a tree. */
  const running = () =>
    temporary('running.json', { ...own, ptraceScope: { ...own.ptraceScope, in: ['running'] } });
  const roots = (...all: Files[]) => all.flatMap(files => ['--root', rootTree(files)]);

  it('each root is audited by each profile, and --json has all reports', async () => {
    const words = ['audit', ...roots(strong, weak), '--profile', 'cis', '--profile', 'kspp', '--json'];
    const { code, stdout, stderr } = await tracegate(words);
    const { reports, failed } = validated('audits', stdout) as unknown as {
      reports: AuditReport[];
      failed: [];
    };
    const [one, other] = [words[2], words[4]];
    expect(reports.map(({ root, profile, verdict }) => [root, profile.id, verdict])).toEqual([
      [one, 'cis', 'pass'],
      [one, 'kspp', 'fail'],
      [other, 'cis', 'fail'],
      [other, 'kspp', 'fail'],
    ]);
    expect({ code, failed, stderr }).toEqual({ code: 1, failed: [], stderr: '' });
  });

  it('the text ends with a summary that has a line for each', async () => {
    const words = ['audit', ...roots(strong, weak)];
    const { stdout } = await tracegate(words);
    const summary = stdout.slice(stdout.indexOf('Summary')).trimEnd().split('\n');
    expect(summary).toEqual([
      'Summary',
      expect.stringMatching(new RegExp(`^✓ pass +cis +${words[2]} +1: as required`)),
      expect.stringMatching(new RegExp(`^✗ fail +cis +${words[4]} +0: weaker than 1 or stricter`)),
      '1 fail, 1 pass',
    ]);
  });

  it.each<[string, Files[], number]>([
    ['all pass', [strong, strong], 0],
    ['one fails, one is unknown', [strong, unset, weak], 1],
    ['one is unknown', [strong, unset], 3],
  ])('the exit code: %s', async (_, files, code) => {
    expect((await tracegate(['audit', ...roots(...files)])).code).toBe(code);
  });

  it.each<[string, Files, string[], number, number]>([
    ['one tree with nothing to judge', strong, [], 3, 0],
    ['and one audit that passes', strong, ['--profile', 'cis'], 3, 0],
    ['and one audit that fails', weak, ['--profile', 'cis'], 1, 1],
    ['and one audit that is unknown', unset, ['--profile', 'cis'], 3, 3],
  ])('the exit code, alone and with --accept not-applicable: %s', async (_, files, more, code, accepted) => {
    const words = ['audit', ...roots(files), '--profile', running(), ...more];
    const codes = [words, [...words, '--accept', 'not-applicable']].map(
      async one => (await tracegate(one)).code,
    );
    expect(await Promise.all(codes)).toEqual([code, accepted]);
  });

  it('a root that cannot be audited is named, and the others are audited', async () => {
    const words = ['audit', '--root', '/nonexistent', ...roots(strong)];
    const text = await tracegate(words);
    expect(text.stdout).toMatch(/^not audited: \/nonexistent: .*ENOENT.*\n1 pass, 1 not audited$/m);
    const { code, stdout, stderr } = await tracegate([...words, '--json']);
    expect(validated('audits', stdout)).toMatchObject({
      reports: [{ verdict: 'pass' }],
      failed: [{ root: '/nonexistent', because: expect.stringContaining('ENOENT') }],
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^tracegate: --root "\/nonexistent": ENOENT.*\n$/);
  });

  it.each([
    [['--profile', 'cis', '--profile', 'cos'], 2, /profile must be one of/],
    [['--profile', 'cis', '--profile', '/nonexistent.json'], 3, /the profile can't be read/],
    [['--accept', 'unknown'], 2, /--accept "unknown": use not-applicable/],
  ])('%j is refused in one line', async (words, code, message) => {
    const run = await tracegate(['audit', ...roots(strong), ...words]);
    expect(run).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

it.each(['audit', 'map'])(
  '%s --output writes no colours into the file, also when standard output is a terminal',
  command => {
    const file = temporary('text', {});
    const columns = join(ROOT, 'test/fixtures/columns.py');
    const run = (env: NodeJS.ProcessEnv, ...more: string[]) =>
      spawnSync('/usr/bin/python3', [columns, '80', process.execPath, MAIN, command, ...more], {
        env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
        encoding: 'utf8',
      }).stdout;
    // On the terminal itself there are colours.
    expect(run({})).toContain('\x1b[');
    run({}, '--output', file);
    const plain = readFileSync(file, 'utf8');
    expect(plain).not.toContain('\x1b');
    expect(plain).toMatch(/ptrace_scope/);
    run({ FORCE_COLOR: '1' }, '--output', file);
    expect(readFileSync(file, 'utf8')).toContain('\x1b[');
  },
);
