// audit() and `tracegate audit` of trees: the line that decides, and the verdict of a profile. The running value is in
// test/scopes/audit.scopes.test.ts; that the model of sysctl.d is right, in sysctl.test.ts.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AuditReport, audit, type Profile } from '../../lib/audit/index.js';
import { profileNames } from '../../lib/audit/rows/profile.js';
import { tracegate, validated } from '../helpers/cli.js';
import { AS_USER, IS_ROOT, PUBLIC_DIST } from '../helpers/processes.js';
import { type Files, rootTree, SYSTEMD, SYSVINIT } from '../helpers/root-tree.js';

const KEY = 'kernel.yama.ptrace_scope';
const row = ({ rows }: AuditReport, id: string) => rows.find(one => one.id === id)!;
const audited = (files: Files, profile = 'cis') => audit({ root: rootTree(files), profile });

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-audit-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

describe('under systemd', () => {
  it.each<[string, Files, string, number | null, string | null, number | null]>([
    ['unset: the kernel’s own, which is 1, or Debian’s 0', {}, 'unknown', null, null, null],
    ['commented', { '/etc/sysctl.conf': `# ${KEY} = 2\n` }, 'unknown', null, null, null],
    [
      'a file of its own',
      { '/etc/sysctl.d/60-x.conf': `\n${KEY} = 2\n` },
      'pass',
      2,
      '/etc/sysctl.d/60-x.conf',
      2,
    ],
    [
      '0, as elfutils brings it',
      { '/usr/lib/sysctl.d/10-default-yama-scope.conf': `${KEY} = 0\n` },
      'fail',
      0,
      '/usr/lib/sysctl.d/10-default-yama-scope.conf',
      1,
    ],
    ['the wrong file: not .conf', { '/etc/sysctl.d/60-x.cnf': `${KEY} = 0\n` }, 'unknown', null, null, null],
    [
      'the wrong file: sysctl.conf, which it does not read',
      { '/etc/sysctl.conf': `${KEY} = 3\n`, '/etc/sysctl.d/1.conf': `${KEY} = 0\n` },
      'fail',
      0,
      '/etc/sysctl.d/1.conf',
      1,
    ],
    [
      'a later file overrides',
      { '/etc/sysctl.d/60-a.conf': `${KEY} = 1\n`, '/usr/lib/sysctl.d/90-b.conf': `${KEY} = 0\n` },
      'fail',
      0,
      '/usr/lib/sysctl.d/90-b.conf',
      1,
    ],
    [
      'a later line overrides',
      { '/etc/sysctl.d/60-a.conf': `${KEY} = 1\n${KEY} = 0\n` },
      'fail',
      0,
      '/etc/sysctl.d/60-a.conf',
      2,
    ],
    [
      'a mask of the file that is weaker',
      { '/usr/lib/sysctl.d/90-b.conf': `${KEY} = 0\n`, '/etc/sysctl.d/90-b.conf': '-> /dev/null' },
      'unknown',
      null,
      null,
      null,
    ],
    [
      'a file in /run, which the boot removes',
      { '/run/sysctl.d/99.conf': `${KEY} = 0\n` },
      'unknown',
      null,
      null,
      null,
    ],
    [
      'a mask in /run, which is gone by then',
      { '/usr/lib/sysctl.d/90-b.conf': `${KEY} = 0\n`, '/run/sysctl.d/90-b.conf': '' },
      'fail',
      0,
      '/usr/lib/sysctl.d/90-b.conf',
      1,
    ],
    [
      'a mask behind a link of /run, which is gone by then',
      {
        '/usr/lib/sysctl.d/90-b.conf': `${KEY} = 0\n`,
        '/run/sysctl.d': '-> /data/sysctl.d',
        '/data/sysctl.d/90-b.conf': '',
      },
      'fail',
      0,
      '/usr/lib/sysctl.d/90-b.conf',
      1,
    ],
    [
      'a line behind a link that leads through /run, which is gone by then',
      {
        '/etc/sysctl.d/90-b.conf': '-> /run/link/90-b.conf',
        '/run/link': '-> /data',
        '/data/90-b.conf': `${KEY} = 1\n`,
      },
      'unknown',
      null,
      null,
      null,
    ],
    [
      'a value that the kernel refuses',
      { '/etc/sysctl.d/60-a.conf': `${KEY} = 4\n` },
      'unknown',
      null,
      null,
      null,
    ],
    [
      'a boot entry with the setting',
      { '/boot/grub/grub.cfg': `\tlinux /vmlinuz root=/dev/sda1 sysctl.${KEY}=0\n` },
      'fail',
      0,
      '/proc/cmdline',
      1,
    ],
  ])('%s', async (_, files, verdict, value, file, line) => {
    const report = await audited({ ...SYSTEMD, ...files });
    expect(report).toMatchObject({
      verdict,
      running: null,
      loading: { state: 'loads', loader: 'systemd-sysctl', init: 'systemd' },
      loaders: [
        { loader: 'systemd-sysctl', use: 'at-boot' },
        { loader: 'procps', use: 'by-hand' },
      ],
    });
    const next = report.nextBoot;
    if (value === null)
      expect(next).toMatchObject({ state: 'unknown', because: [expect.stringContaining('no line')] });
    else expect(next).toEqual({ state: 'known', value: `${value}`, file, line });
    expect(row(report, 'next-boot')).toMatchObject({ required: true, verdict, file, line });
  });

  it.each<[string, Files, string, string]>([
    ['no configuration of a kernel', {}, 'unknown', 'pass'],
    [
      'one with Yama',
      { '/boot/config-6.1': 'CONFIG_SECURITY_YAMA=y\nCONFIG_LSM="landlock,yama,bpf"\n' },
      'pass',
      'pass',
    ],
    ['one without', { '/boot/config-6.1': '# CONFIG_SECURITY_YAMA is not set\n' }, 'fail', 'fail'],
    [
      'one that has it, and does not list it',
      { '/boot/config-6.1': 'CONFIG_SECURITY_YAMA=y\nCONFIG_LSM="landlock"\n' },
      'fail',
      'fail',
    ],
    [
      'lsm= in the place of the list, without it',
      {
        '/boot/config-6.1': 'CONFIG_SECURITY_YAMA=y\nCONFIG_LSM="yama"\n',
        '/etc/kernel/cmdline': 'quiet lsm=landlock\n',
      },
      'fail',
      'fail',
    ],
    [
      'two kernels, one without',
      { '/boot/config-5': 'CONFIG_SECURITY_YAMA=y\n', '/boot/config-6': '#\n' },
      'unknown',
      'unknown',
    ],
  ])('Yama: %s', async (_, files, yama, verdict) => {
    const report = await audited({ ...SYSTEMD, '/etc/sysctl.d/1.conf': `${KEY}=1\n`, ...files });
    expect(row(report, 'yama')).toMatchObject({ verdict: yama });
    expect(report.verdict).toBe(verdict);
  });

  it('boot entries that differ give unknown, and never a pass', async () => {
    const entry = (scope: number) => `linux /vmlinuz sysctl.${KEY}=${scope}\n`;
    const report = await audited({ ...SYSTEMD, '/boot/grub/grub.cfg': entry(1) + entry(0) });
    expect(report.verdict).toBe('unknown');
    expect(row(report, 'next-boot').because).toMatch(
      /grub\.cfg:1 and \/boot\/grub\/grub\.cfg:2 make a difference/,
    );
  });

  it('a 3 that procps writes first is the reason why a later 1 is refused, and each line is named once', async () => {
    const root = rootTree({
      ...SYSTEMD,
      '/etc/sysctl.d/10-a.conf': `${KEY}=3\n`,
      '/etc/sysctl.d/20-b.conf': `\n${KEY}=1\n`,
    });
    const because =
      "sysctl --system (procps) writes /etc/sysctl.d/10-a.conf:1 first, and the kernel then refuses /etc/sysctl.d/20-b.conf:2 (EINVAL: 3 can't be lowered before the next boot); for systemd-sysctl, /etc/sysctl.d/10-a.conf:1 is overridden by /etc/sysctl.d/20-b.conf:2";
    expect(row(await audit({ root }), 'loaders-agree')).toMatchObject({ verdict: 'fail', because });
    const { stdout } = await tracegate(['audit', '--root', root, '--format', 'junit']);
    const message = /loaders-agree.*?<skipped>([^<]*)</s.exec(stdout)?.[1];
    expect(message?.endsWith('by /etc/sysctl.d/20-b.conf:2')).toBe(true);
  });

  it('loaders that disagree give a finding of their own', async () => {
    const report = await audited({
      ...SYSTEMD,
      '/etc/sysctl.d/60.conf': `${KEY}=2\n`,
      '/etc/sysctl.conf': `#\n${KEY}=1\n`,
    });
    expect(report.verdict).toBe('pass');
    expect(row(report, 'loaders-agree')).toMatchObject({
      required: false,
      verdict: 'fail',
      found: 'systemd-sysctl 2, procps 1',
      because:
        'for sysctl --system (procps), /etc/sysctl.d/60.conf:1 is overridden by /etc/sysctl.conf:2; systemd-sysctl does not read /etc/sysctl.conf:2',
      file: '/etc/sysctl.conf',
      line: 2,
    });
    const fates = report.assignments.map(({ loader, file, fate }) => `${loader} ${file} ${fate}`);
    expect(fates.sort()).toEqual([
      'procps /etc/sysctl.conf effective',
      'procps /etc/sysctl.d/60.conf overridden',
      'systemd-sysctl /etc/sysctl.conf not-read',
      'systemd-sysctl /etc/sysctl.d/60.conf effective',
    ]);
  });
});

it('under sysvinit the procps loader decides', async () => {
  const report = await audited({ ...SYSVINIT, '/etc/sysctl.conf': `${KEY}=0\n` });
  expect(report).toMatchObject({
    verdict: 'fail',
    loading: { state: 'loads', loader: 'procps', init: 'sysvinit', file: '/etc/init.d/procps', line: 4 },
    loaders: [{ loader: 'procps', use: 'at-boot' }],
  });
  expect(row(report, 'next-boot')).toMatchObject({
    verdict: 'fail',
    file: '/etc/sysctl.conf',
    line: 1,
  });
});

it('if nothing loads at boot, the kernel’s own value counts, which no file shows: unknown, and not a pass', async () => {
  const report = await audited({ '/etc/sysctl.conf': `${KEY}=2\n` });
  expect(report).toMatchObject({ verdict: 'unknown', loading: { state: 'nothing-loads', init: 'none' } });
  const { code } = await tracegate(['audit', '--root', report.root]);
  expect(code).toBe(3);
});

const own = (ptraceScope: object) => ({
  schemaVersion: 1 as const,
  id: 'own',
  title: 'Our own',
  source: { document: 'a test', item: null, reference: 'here' },
  ptraceScope,
});
const requirement = { value: 1, match: 'at-least', in: ['next-boot'], explicit: false };

describe('profiles', () => {
  it.each(profileNames())('%s fits its schema, is named as its file, and gives verdicts', async name => {
    const { profile } = await audited(SYSTEMD, name);
    expect(profile.id).toBe(name);
    expect(profile.source.reference).not.toMatch(/TODO/);
  });

  it.each([
    [requirement, 0, 'fail', /weaker than 1 or stricter/],
    [requirement, 1, 'pass', /as required/],
    [requirement, 3, 'pass', /stricter than required/],
    [{ ...requirement, match: 'exactly' }, 2, 'fail', /stricter, but the profile takes exactly 1/],
    [{ ...requirement, match: 'exactly' }, 1, 'pass', /as required/],
  ])('%j of %i: %s', async (ptraceScope, value, verdict, because) => {
    const file = join(temporary(), 'own.json');
    writeFileSync(file, JSON.stringify(own(ptraceScope)));
    const report = await audited({ ...SYSTEMD, '/etc/sysctl.d/1.conf': `${KEY}=${value}\n` }, file);
    expect(report.verdict).toBe(verdict);
    expect(row(report, 'next-boot').because).toMatch(because);
  });

  it.each<[string, Files, string, RegExp]>([
    ['none', {}, 'fail', /no line/],
    ['one', { '/etc/sysctl.d/1.conf': `${KEY}=1\n` }, 'pass', /^\/etc\/sysctl\.d\/1\.conf:1 \(1\)$/],
    [
      'two that agree',
      { '/etc/sysctl.d/1.conf': `${KEY}=1\n`, '/etc/sysctl.d/2.conf': `${KEY}=1\n` },
      'pass',
      /1\.conf:1 .*2\.conf:1/,
    ],
    [
      'two that conflict',
      { '/etc/sysctl.d/1.conf': `${KEY}=0\n`, '/etc/sysctl.d/2.conf': `${KEY}=1\n` },
      'fail',
      /1\.conf:1 \(0\), .*2\.conf:1 \(1\)/,
    ],
    [
      'copies that no loader and no auditor reads',
      {
        '/etc/sysctl.d/1.conf': `${KEY}=1\n`,
        '/etc/sysctl.d/1.conf.rpmsave': `${KEY}=0\n`,
        '/etc/sysctl.conf.tracegate-old': `${KEY}=2\n`,
        '/etc/sysctl.d/2.conf.tracegate-old': `${KEY}=2\n`,
      },
      'pass',
      /^\/etc\/sysctl\.d\/1\.conf:1 \(1\)$/,
    ],
  ])('explicit lines: %s', async (_, files, verdict, found) => {
    const profile = own({ ...requirement, match: 'exactly', explicit: true }) as Profile;
    const report = await audit({ root: rootTree({ ...SYSTEMD, ...files }), profile });
    expect(row(report, 'explicit')).toMatchObject({
      required: true,
      verdict,
      found: expect.stringMatching(found),
    });
  });
});

it('lines that agree on a value that is too weak fail, even if nothing loads them', async () => {
  const profile = own({ ...requirement, explicit: true }) as Profile;
  const report = await audit({ root: rootTree({ '/etc/sysctl.d/1.conf': `${KEY}=0\n` }), profile });
  expect(row(report, 'explicit')).toMatchObject({
    verdict: 'fail',
    because: expect.stringContaining('weaker'),
  });
  expect(report.verdict).toBe('fail');
});

it.each([
  ['1', 'fail', '1'],
  ['01', 'fail', '1'],
  ['0x1 # for a while', 'fail', '1'],
  ['2', 'pass', '2'],
  ['7', 'pass', '0'],
])('fs.suid_dumpable = %s: %s, from the value that the kernel takes', async (text, verdict, found) => {
  const report = await audited({ ...SYSTEMD, '/etc/sysctl.d/1.conf': `fs.suid_dumpable = ${text}\n` });
  expect(row(report, 'suid-dumpable')).toMatchObject({ verdict, found });
});

describe('bad input: one line, exit code 2 or 3', () => {
  const file = (text: string) => {
    const path = join(temporary(), 'profile.json');
    writeFileSync(path, text);
    return path;
  };
  it.each<[string, () => string[], number, RegExp]>([
    ['a root that is not there', () => ['--root', '/nonexistent'], 3, /--root "\/nonexistent": ENOENT/],
    ['a root that is a file', () => ['--root', '/etc/passwd'], 3, /it is no directory/],
    ['a root without /etc', () => ['--root', temporary()], 3, /it has no \/etc/],
    [
      'an unknown profile',
      () => ['--profile', 'cos'],
      2,
      /profile must be one of .*cis.*, or a JSON file, not 'cos'/,
    ],
    [
      'a profile that is not there',
      () => ['--profile', '/nonexistent.json'],
      3,
      /the profile can't be read: ENOENT/,
    ],
    ['a profile that is no JSON', () => ['--profile', file('{')], 2, /profile must be a file of JSON/],
    [
      'a profile that does not fit',
      () => ['--profile', file('{"schemaVersion":1,"more":2}')],
      2,
      /schemas\/profile\.schema\.json describes \(.*required property 'id'.*\(more\)/,
    ],
    [
      'an unknown format',
      () => ['--format', 'xml'],
      2,
      /"xml": use human, json, sarif, junit, prometheus, csv or xccdf/,
    ],
    ['an argument', () => ['/'], 2, /audit takes no argument/],
  ])('%s', async (_, words, code, message) => {
    const run = await tracegate(['audit', ...words()]);
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.stderr).toMatch(message);
  });
});

it('on the running system --json fits its schema, and a finding is exit code 1', async () => {
  const { code, stdout } = await tracegate(['audit', '--json']);
  const report = validated('audit', stdout) as unknown as AuditReport;
  expect(code).toBe({ pass: 0, waived: 0, fail: 1, unknown: 3, 'not-applicable': 3 }[report.verdict]);
  expect(report.root).toBe('/');
  expect(report.running).not.toBeNull();
});

it('the text names the verdict, the line and the remedy', async () => {
  const root = rootTree({ ...SYSTEMD, '/etc/sysctl.d/1.conf': `${KEY}=0\n` });
  const { code, stdout } = await tracegate(['audit', '--root', root]);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /✗ fail {2}kernel\.yama\.ptrace_scope after the next boot: 0, expected 1 or stricter/,
  );
  expect(stdout).toContain('weaker than 1 or stricter (/etc/sysctl.d/1.conf:1), loaded by systemd-sysctl\n');
  expect(stdout).toContain('→ tracegate remediate --scope 1');
  expect(stdout).toMatch(
    /\/etc\/sysctl\.d\/1\.conf:1 +kernel\.yama\.ptrace_scope=0 +systemd-sysctl: effective/,
  );
});

it.skipIf(!IS_ROOT)('a program that gives CAP_SYS_PTRACE is named (for root: setcap)', async () => {
  const root = rootTree({
    ...SYSTEMD,
    '/usr/bin/other': '',
    '/usr/lib/x/tracer': '',
    '/opt/y/inheritable': '',
  });
  execFileSync('setcap', ['cap_net_raw+ep', join(root, 'usr/bin/other')]);
  expect(row(await audit({ root }), 'capability-files')).toMatchObject({ verdict: 'pass' });
  execFileSync('setcap', ['cap_sys_ptrace+ep', join(root, 'usr/lib/x/tracer')]);
  execFileSync('setcap', ['cap_sys_ptrace+i', join(root, 'opt/y/inheritable')]);
  expect(row(await audit({ root }), 'capability-files')).toMatchObject({
    verdict: 'fail',
    found: '/opt/y/inheritable, /usr/lib/x/tracer',
    file: '/opt/y/inheritable',
  });
});

it.skipIf(!IS_ROOT)(
  'finds the programs that getcap -r finds, and not through a link (for root: setcap)',
  async () => {
    const programs = Array.from({ length: 300 }, (_, i) => `/usr/lib/${'d/'.repeat(i % 7)}${i % 11}/${i}`);
    const elsewhere = '/srv/elsewhere';
    const root = rootTree({
      ...SYSTEMD,
      ...Object.fromEntries([elsewhere, ...programs].map(path => [path, ''])),
      '/usr/lib/link': `-> ${elsewhere}`,
      '/usr/lib/linked': '-> /srv',
    });
    const giving = [elsewhere, ...programs.filter((_, i) => i % 13 === 0)];
    execFileSync(
      'setcap',
      giving.flatMap(path => ['cap_sys_ptrace+ep', join(root, path)]),
    );
    const listed = execFileSync('getcap', ['-r', join(root, 'usr')], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(line => line.slice(root.length).replace(/ .*/, ''));
    expect(listed).toHaveLength(24);
    expect(row(await audit({ root }), 'capability-files').found).toBe(listed.sort().join(', '));
  },
);

it.skipIf(!IS_ROOT)(
  'names a directory of programs that it may not read (for root: to be another user)',
  () => {
    const root = rootTree({ ...SYSTEMD, '/usr/lib/closed/program': '', '/usr/lib/open/program': '' });
    chmodSync(join(root, 'usr/lib/closed'), 0o700);
    chmodSync(dirname(root), 0o755);
    const { stdout } = spawnSync(
      process.execPath,
      [join(PUBLIC_DIST, 'cli.cjs'), 'audit', '--root', root, '--json'],
      { encoding: 'utf8', ...AS_USER },
    );
    expect(row(JSON.parse(stdout), 'capability-files')).toMatchObject({
      verdict: 'unknown',
      because: '1 could not be read; the first is /usr/lib/closed',
    });
  },
);

it.skipIf(!IS_ROOT)('names a process of no root with CAP_SYS_PTRACE (for root: to give it)', async () => {
  const holder = spawn(
    'setpriv',
    ['--reuid=4711', '--clear-groups', '--inh-caps=+sys_ptrace', '--ambient-caps=+sys_ptrace', 'cat'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void holder.stdin.end());
  holder.stdin.write('x');
  await once(holder.stdout, 'data');
  const found = row(await audit(), 'capability-processes');
  expect(found).toMatchObject({ verdict: 'fail', required: false });
  expect(found.found).toMatch(new RegExp(`\\b${holder.pid} cat\\b`));
});

it('the package of a file comes from the lists of dpkg, or from the name of the file', async () => {
  const report = await audited({
    ...SYSTEMD,
    '/usr/lib/sysctl.d/55-own.conf': `${KEY}=1\n`,
    '/usr/lib/sysctl.d/10-default-yama-scope.conf': `${KEY}=0\n`,
    '/var/lib/dpkg/info/hardening:amd64.list': '/usr\n/usr/lib/sysctl.d/55-own.conf\n',
  });
  expect(report.provenance).toEqual([
    {
      file: '/usr/lib/sysctl.d/10-default-yama-scope.conf',
      package: null,
      known: expect.stringContaining('elfutils'),
    },
    { file: '/usr/lib/sysctl.d/55-own.conf', package: 'hardening', known: null },
  ]);
});

describe('a hostile tree does no harm', () => {
  it('a directory in the place of a file, links that loop, and names with markup', async () => {
    const root = rootTree({
      ...SYSTEMD,
      '/etc/sysctl.d/loop.conf': '-> loop.conf',
      '/etc/sysctl.d/<b>\x1b[31m.conf': `${KEY}=0\n`,
      '/var/lib/dpkg/info/red\x1b[31m.list': '/etc/sysctl.d/99-red.conf\n',
      '/etc/sysctl.d/99-red.conf': `${KEY}=1\n`,
    });
    mkdirSync(join(root, 'etc/sysctl.d/directory.conf'));
    for (const format of ['human', 'junit', 'sarif', 'prometheus', 'csv', 'xccdf']) {
      const { stdout, stderr } = await tracegate(['audit', '--root', root, '--format', format]);
      expect({ format, stderr, escapes: stdout.includes('\x1b') }).toEqual({
        format,
        stderr: '',
        escapes: false,
      });
      if (format === 'junit' || format === 'xccdf') expect(stdout).not.toContain('<b>');
    }
  });
});
