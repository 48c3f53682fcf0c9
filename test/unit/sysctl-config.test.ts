// The model of sysctl.d: files, masks and lines.
import { expect, it } from 'vitest';
import { readSysctlConfig, type SysctlLoader, type SysctlQuestion } from '../../lib/audit/sysctl/config.js';
import { type FileTree, openFileTree } from '../../lib/audit/tree/file-tree.js';
import { link, plantFiles } from '../sysctl/planted.js';

type Files = Parameters<typeof plantFiles>[0];
const KEY = 'kernel.yama.ptrace_scope';
const set = (value: string | number) => `${KEY}=${value}\n`;
const BOTH = ['systemd-sysctl', 'procps'] as const;

/** Debian 12's. */
const releases = { 'systemd-sysctl': '252', procps: '4.0.2' };

function read(files: Files, question: SysctlQuestion = { initial: '1' }) {
  return readSysctlConfig(openFileTree(plantFiles(files)), { releases, ...question });
}

const values = (files: Files, question?: SysctlQuestion) => {
  const { nextBoot } = read(files, question);
  return BOTH.map(loader => {
    const next = nextBoot[loader];
    return next.state === 'known' ? `${next.value} ${next.file}:${next.line}` : 'unknown';
  });
};

/** `FILE:LINE FATE BY:LINE` for one loader. */
const fates = (files: Files, loader: SysctlLoader) =>
  read(files)
    .assignments.filter(one => one.loader === loader)
    .map(({ file, line, fate, by }) => `${file}:${line} ${fate}${by ? ` ${by.file}:${by.line}` : ''}`)
    .sort();

it('without lines the value is the initial one of the kernel, if it is known', () => {
  expect(values({})).toEqual(['1 null:null', '1 null:null']);
  expect(values({}, {})).toEqual(['unknown', 'unknown']);
  expect(values({ '/etc/sysctl.d/a.conf': set(2) }, {})).toEqual(Array(2).fill('2 /etc/sysctl.d/a.conf:1'));
});

it('names decide the order, whatever their directory; a name in a higher directory masks', () => {
  const files = {
    '/usr/lib/sysctl.d/90.conf': set(0),
    '/run/sysctl.d/50.conf': set(1),
    '/etc/sysctl.d/50.conf': `\n${set(2)}`,
    '/etc/sysctl.d/B.conf': set(2),
    '/etc/sysctl.d/a.conf': set(1),
  };
  expect(values(files)).toEqual(Array(2).fill('1 /etc/sysctl.d/a.conf:1'));
  for (const loader of BOTH)
    expect(fates(files, loader)).toEqual([
      expect.stringContaining('/etc/sysctl.d/50.conf:2 overridden'),
      expect.stringContaining('/etc/sysctl.d/B.conf:1 overridden'),
      '/etc/sysctl.d/a.conf:1 effective',
      '/run/sysctl.d/50.conf:1 masked /etc/sysctl.d/50.conf:null',
      expect.stringContaining('/usr/lib/sysctl.d/90.conf:1 overridden'),
    ]);
});

it.each([
  ['empty', ''],
  ['a link to /dev/null', link('/dev/null')],
  ['a dangling link', link('/nowhere')],
  ['a loop', link('a.conf')],
])('%s masks too', (_, what) => {
  const files = { '/etc/sysctl.d/a.conf': what, '/usr/lib/sysctl.d/a.conf': set(2) };
  expect(values(files)).toEqual(Array(2).fill('1 null:null'));
  expect(fates(files, 'procps')).toEqual(['/usr/lib/sysctl.d/a.conf:1 masked /etc/sysctl.d/a.conf:null']);
});

it('/lib/sysctl.d counts where it is a directory of its own, and once where it is not', () => {
  const split = { '/lib/sysctl.d/a.conf': set(2), '/var/lib/dpkg/status': '' };
  expect(values(split)).toEqual(Array(2).fill('2 /lib/sysctl.d/a.conf:1'));
  const merged = { '/lib': link('usr/lib'), '/usr/lib/sysctl.d/a.conf': set(2) };
  for (const loader of BOTH) expect(fates(merged, loader)).toEqual(['/usr/lib/sysctl.d/a.conf:1 effective']);
});

it('/etc/sysctl.conf: the last for procps, and for systemd only by a link', () => {
  const files = { '/etc/sysctl.conf': set(2), '/etc/sysctl.d/zz.conf': set(0) };
  expect(values(files)).toEqual(['0 /etc/sysctl.d/zz.conf:1', '2 /etc/sysctl.conf:1']);
  expect(fates(files, 'systemd-sysctl')).toContain('/etc/sysctl.conf:1 not-read');
  const linked = { ...files, '/etc/sysctl.d/99-sysctl.conf': link('../sysctl.conf') };
  expect(values(linked)).toEqual(['0 /etc/sysctl.d/zz.conf:1', '2 /etc/sysctl.conf:1']);
  expect(fates(linked, 'systemd-sysctl')).not.toContain('/etc/sysctl.conf:1 not-read');
  expect(values({ ...files, '/etc/sysctl.d/zzz.conf': link('/etc/sysctl.conf') })[0]).toBe(
    '2 /etc/sysctl.d/zzz.conf:1',
  );
});

it('procps alone reads hidden files, and no loader reads other suffixes', () => {
  const files = { '/etc/sysctl.d/.h.conf': set(2), '/etc/sysctl.d/a.conf.bak': set(0) };
  expect(values(files)).toEqual(['1 null:null', '2 /etc/sysctl.d/.h.conf:1']);
  expect(fates(files, 'systemd-sysctl')).toEqual([
    '/etc/sysctl.d/.h.conf:1 not-read',
    '/etc/sysctl.d/a.conf.bak:1 not-read',
  ]);
});

it('3, then 1: systemd writes only the last, procps writes both, and the kernel refuses the second', () => {
  const files = { '/etc/sysctl.d/a.conf': set(3) + set(1) };
  expect(values(files)).toEqual(['1 /etc/sysctl.d/a.conf:2', '3 /etc/sysctl.d/a.conf:1']);
  expect(fates(files, 'procps')).toEqual([
    '/etc/sysctl.d/a.conf:1 effective',
    '/etc/sysctl.d/a.conf:2 refused /etc/sysctl.d/a.conf:1',
  ]);
});

it('an exclusion undoes an assignment for systemd, and only patterns for procps', () => {
  const files = { '/etc/sysctl.d/a.conf': `${set(2)}-${KEY}\nkernel.yama.*=0\n` };
  expect(values(files)).toEqual(['1 null:null', '2 /etc/sysctl.d/a.conf:1']);
  expect(fates(files, 'systemd-sysctl')).toEqual([
    '/etc/sysctl.d/a.conf:1 excluded /etc/sysctl.d/a.conf:2',
    '/etc/sysctl.d/a.conf:2 exclusion',
    '/etc/sysctl.d/a.conf:3 excluded /etc/sysctl.d/a.conf:2',
  ]);
});

it('the key itself wins over a pattern, also if it comes before', () => {
  const files = { '/etc/sysctl.d/a.conf': `${set(2)}kernel.yama.*=0\n` };
  expect(values(files)).toEqual(Array(2).fill('2 /etc/sysctl.d/a.conf:1'));
  for (const loader of BOTH)
    expect(fates(files, loader)).toContain('/etc/sysctl.d/a.conf:2 overridden /etc/sysctl.d/a.conf:1');
  // To its own spelling only, for procps.
  expect(values({ '/etc/sysctl.d/a.conf': `${set(2)}kernel//yama/*=0\n` })).toEqual([
    '2 /etc/sysctl.d/a.conf:1',
    '0 /etc/sysctl.d/a.conf:2',
  ]);
});

it('only systemd expands braces, and only in patterns', () => {
  const braces = (leaf: string) => ({ '/etc/sysctl.d/a.conf': `kernel.{x,yama}.${leaf}=2\n` });
  expect(values(braces('ptrace_scop?'))).toEqual(['2 /etc/sysctl.d/a.conf:1', '1 null:null']);
  expect(values(braces('ptrace_scope'))).toEqual(Array(2).fill('1 null:null'));
});

it('of two patterns the last that changed its value wins, for systemd', () => {
  const a = 'kernel.yama.*';
  const b = 'kernel.*.ptrace_scope';
  expect(values({ '/etc/sysctl.d/a.conf': `${a}=0\n${b}=2\n${a}=0\n` })).toEqual([
    '2 /etc/sysctl.d/a.conf:2',
    '0 /etc/sysctl.d/a.conf:3',
  ]);
  expect(values({ '/etc/sysctl.d/a.conf': `${a}=1\n${b}=2\n${a}=0\n` })[0]).toBe('0 /etc/sysctl.d/a.conf:3');
});

it("for procps a file's name is a pattern", () => {
  const files = { '/etc/sysctl.d/[ab].conf': set(2), '/etc/sysctl.d/a.conf': '' };
  expect(values(files)).toEqual(['2 /etc/sysctl.d/[ab].conf:1', '1 null:null']);
  expect(values({ '/etc/sysctl.d/[ab].conf': set(2) })[1]).toBe('2 /etc/sysctl.d/[ab].conf:1');
  // Braces that find nothing are letters, and the rest of the name still is a pattern.
  const braces = { '/etc/sysctl.d/{x,y}1.conf': set(0), '/etc/sysctl.d/{x,y}?.conf': set(2) };
  expect(values(braces)[1]).toBe('2 /etc/sysctl.d/{x,y}?.conf:1');
  expect(fates(braces, 'procps')).toHaveLength(3);
});

it('a value that the kernel refuses changes nothing, and a malformed line is named', () => {
  const files = { '/etc/sysctl.d/a.conf': `${set(2)}${set('"0"')}${KEY} 0\n` };
  expect(values(files)).toEqual(['1 null:null', '2 /etc/sysctl.d/a.conf:1']);
  for (const loader of BOTH) {
    expect(fates(files, loader)).toContain('/etc/sysctl.d/a.conf:2 refused');
    expect(fates(files, loader)).toContain('/etc/sysctl.d/a.conf:3 malformed');
  }
});

it('the kernel command line comes before the loaders, and its 3 stays', () => {
  const files = { '/etc/sysctl.d/a.conf': set(1) };
  expect(values({}, { commandLine: `sysctl.${KEY}=2` })).toEqual(Array(2).fill('2 /proc/cmdline:1'));
  expect(values(files, { commandLine: `sysctl.${KEY}=2` })[0]).toBe('1 /etc/sysctl.d/a.conf:1');
  expect(values(files, { commandLine: `sysctl.${KEY}=3` })).toEqual(Array(2).fill('3 /proc/cmdline:1'));
  const credential = `systemd.set_credential=sysctl.extra:${KEY}=0`;
  expect(values(files, { commandLine: credential })).toEqual(['unknown', '1 /etc/sysctl.d/a.conf:1']);
});

it('ufw comes after the loaders, if it is installed and enabled', () => {
  const files = {
    '/etc/sysctl.d/a.conf': set(2),
    '/lib/ufw/ufw-init': '',
    '/etc/default/ufw': 'IPT_SYSCTL=/etc/ufw/sysctl.conf\n',
    '/etc/ufw/ufw.conf': 'ENABLED=yes\n',
    '/etc/ufw/sysctl.conf': set(0),
  };
  expect(values(files)).toEqual(Array(2).fill('0 /etc/ufw/sysctl.conf:1'));
  const ours = Array(2).fill('2 /etc/sysctl.d/a.conf:1');
  expect(values({ ...files, '/etc/ufw/ufw.conf': 'ENABLED=no\n' })).toEqual(ours);
  expect(values({ ...files, '/etc/default/ufw': 'IPT_SYSCTL=\n' })).toEqual(ours);
  const { '/lib/ufw/ufw-init': _, ...removed } = files;
  expect(values(removed)).toEqual(ours);
  expect(values({ ...files, '/etc/default/ufw': 'IPT_SYSCTL="$DIR/sysctl.conf"\n' })).toEqual([
    'unknown',
    'unknown',
  ]);
});

it('an unseen file that could matter gives unknown, and one that could not does not', () => {
  const root = plantFiles({
    '/etc/sysctl.d/a.conf': set(2),
    '/usr/lib/sysctl.d/a.conf': set(0),
    '/etc/sysctl.conf': set(1),
    '/etc/sysctl.d/README': 'x',
  });
  const without = (hidden: string): FileTree => {
    const tree = openFileTree(root);
    const read: FileTree['read'] = path =>
      path === hidden ? { kind: 'unreadable', cause: 'EACCES' } : tree.read(path);
    const list: FileTree['list'] = path =>
      path === hidden ? { kind: 'unreadable', cause: 'EACCES' } : tree.list(path);
    return { ...tree, read, list };
  };
  const states = (hidden: string) => {
    const { nextBoot } = readSysctlConfig(without(hidden), { releases, initial: '1' });
    return BOTH.map(loader => nextBoot[loader].state);
  };
  expect(states('/etc/sysctl.d/a.conf')).toEqual(['unknown', 'unknown']);
  expect(states('/run/sysctl.d')).toEqual(['unknown', 'unknown']);
  expect(states('/etc/sysctl.conf')).toEqual(['known', 'unknown']);
  // Masked, or with no suffix.
  expect(states('/usr/lib/sysctl.d/a.conf')).toEqual(['known', 'known']);
  expect(states('/etc/sysctl.d/README')).toEqual(['known', 'known']);
});

it('systemd refuses a path with .., and for procps it gives unknown', () => {
  expect(values({ '/etc/sysctl.d/a.conf': 'kernel/*/../yama/ptrace_scope=2\n' })).toEqual([
    '1 null:null',
    'unknown',
  ]);
});

it('a value as long as a page gives unknown', () => {
  const text = (length: number) => ({ '/etc/sysctl.d/a.conf': set(`2 ${'x'.repeat(length - 2)}`) });
  expect(values(text(4094))).toEqual(Array(2).fill('2 /etc/sysctl.d/a.conf:1'));
  expect(values(text(4095))).toEqual(['unknown', 'unknown']);
});

it('for another key the last text counts', () => {
  const files = {
    '/etc/sysctl.d/a.conf': 'net/ipv4/conf/eth0.100/rp_filter = 1\nnet.ipv4.conf.*.rp_filter=2\n',
  };
  const key = 'net.ipv4.conf.eth0/100.rp_filter';
  expect(values(files, { key })).toEqual(Array(2).fill('1 /etc/sysctl.d/a.conf:1'));
  expect(read(files, { key }).key).toBe(key);
});

it("systemd's credential is its last file", () => {
  const files = { '/etc/sysctl.d/zz.conf': set(2), '/etc/credstore/sysctl.extra': set(0) };
  expect(values(files)).toEqual(['0 /etc/credstore/sysctl.extra:1', '2 /etc/sysctl.d/zz.conf:1']);
  expect(fates(files, 'procps')).toContain('/etc/credstore/sysctl.extra:1 not-read');
});

// Each would take minutes, or all of the memory, if every way to read it were tried.
const LONG = 200_000;
it.each([
  ['stars', `kernel.yama.${'*'.repeat(40)}x = 0`],
  ['brackets without an end', `kernel.yama.${'[\\]'.repeat(LONG)}* = 0`],
  ['blanks before a word', `${KEY}${' '.repeat(LONG)}x`],
  ['blanks before the equals sign', `x${' '.repeat(LONG)}= 0`],
  ['blanks between words', `${`${' '.repeat(100)}k`.repeat(LONG / 100)} = 0`],
  ['dots', `kernel${'.'.repeat(LONG)}* = 0`],
  ['dashes', `${'-'.repeat(LONG)}${KEY} = 0`],
])('a line of %s is read quickly, and does not change the value of the other lines', (_what, line) => {
  const text = `${set(2)}${line}\n`;
  for (const value of values({ '/etc/sysctl.d/a.conf': text }))
    expect(value).toMatch(/^2 \/etc\/sysctl.d\/a.conf:1$|^unknown$/);
});

it('braces with too many patterns give unknown, with the reason, if they may match the key', () => {
  const braces = '{a,b}'.repeat(24);
  const files = (line: string) => ({ '/etc/sysctl.d/a.conf': `${set(2)}${line}\n` });
  expect(read(files(`kernel.yama.${braces}* = 0`)).nextBoot['systemd-sysctl']).toEqual({
    state: 'unknown',
    because: [
      expect.stringMatching(/^\/etc\/sysctl.d\/a.conf: line 2: its pattern is too long to follow, or/),
    ],
  });
  expect(values(files(`net.ipv4.${braces}* = 0`))).toEqual(Array(2).fill('2 /etc/sysctl.d/a.conf:1'));
});
