// Random configuration trees: usual lines, common mistakes, and texts that only the sources of the parsers suggest.
import type { Random } from '../differential/random.js';
import { type Entry, plantable, type Tree } from './tree.js';

const DIRECTORIES = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'].map(
  parent => `${parent}/sysctl.d`,
);

type Weighted = readonly (readonly [string, number])[];

const NAMES: Weighted = [
  ['10-a.conf', 4],
  ['50-b.conf', 4],
  ['99-sysctl.conf', 4],
  ['a.conf', 3],
  ['b.conf', 3],
  ['B.conf', 1],
  ['zz.conf', 2],
  ['a b.conf', 1],
  ['.hidden.conf', 1],
  ['.conf', 1],
  ['a.conf~', 0.5],
  ['a.conf.bak', 0.5],
  ['README', 0.5],
  ['\xe9.conf', 1],
  ['[ab].conf', 0.7],
  ['[!b].conf', 0.3],
  ['{a,b}.conf', 0.5],
  ['{x,y}?.conf', 0.3],
  ['{x,y}1.conf', 0.3],
  ['?.conf', 0.4],
  ['*.conf', 0.3],
  ['\\a.conf', 0.3],
];

const KEYS: Weighted = [
  ['kernel.yama.ptrace_scope', 20],
  ['kernel/yama/ptrace_scope', 6],
  ['kernel.yama/ptrace_scope', 1],
  ['kernel/yama.ptrace_scope', 1],
  ['/kernel/yama/ptrace_scope', 1],
  ['.kernel.yama.ptrace_scope', 1],
  ['kernel//yama/ptrace_scope', 1],
  ['kernel..yama.ptrace_scope', 1],
  ['kernel/./yama/ptrace_scope', 1],
  ['kernel/yama/ptrace_scope/', 1],
  ['kernel.yama.ptrace_scope.', 0.5],
  ['./kernel/yama/ptrace_scope', 0.5],
  ['kernel.yama.ptrace_scopes', 0.5],
  ['kernel.yama', 0.5],
  ['Kernel.yama.ptrace_scope', 0.5],
  ['"kernel.yama.ptrace_scope"', 0.5],
  ['\xef\xbb\xbfkernel.yama.ptrace_scope', 0.5],
  ['kernel.yama.*', 3],
  ['kernel/yama/*', 2],
  ['kernel//yama/*', 1],
  ['kernel.yama.ptrace_*', 1],
  ['kernel.*.ptrace_scope', 2],
  ['kernel/*//ptrace_scope', 0.5],
  ['/kernel/yama/p*', 0.5],
  ['*.yama.ptrace_scope', 1],
  ['kernel.y?ma.ptrace_scope', 1],
  ['kernel.yama.[p]trace_scope', 1],
  ['kernel.yama.[!p]*', 0.5],
  ['kernel.yama.[^a-o]*', 0.5],
  ['kernel.yama.[[:lower:]]trace_scope', 0.5],
  ['kernel.yama.[]p]trace_scope', 0.3],
  ['kernel.yama.[p-a]trace_scope', 0.3],
  ['kernel.yama.ptrace_scope[', 0.3],
  ['kernel.{yama,x}.ptrace_scop?', 0.7],
  ['kernel.{yama,x}.ptrace_scope', 0.4],
  ['kernel.{x,y{b,am}a}.*', 0.4],
  ['kernel.yama.ptrace_scop\\*', 0.3],
  ['kernel.y\\ama.ptrace_scop*', 0.3],
  ['kernel.yama.ptrace_scope/*', 0.3],
  ['kernel.yama.*/', 0.3],
  ['kernel/./yama/*', 0.5],
  ['kernel/../kernel/yama/ptrace_scope', 0.2],
  ['kernel/*/../yama/ptrace_scope', 0.1],
  ['kernel.yama.[[.p.]]trace_scope', 0.1],
  ['net.core.somaxconn', 1],
];

const VALUES: Weighted = [
  ['0', 10],
  ['1', 10],
  ['2', 10],
  ['', 0.7],
  ['4', 0.7],
  ['-1', 0.7],
  ['-0', 0.4],
  ['+1', 0.4],
  ['01', 0.4],
  ['08', 0.3],
  ['0x2', 0.4],
  ['0X1', 0.3],
  ['0x', 0.3],
  ['00000000000000000001', 0.3],
  ['000000000000000000001', 0.3],
  ['4294967297', 0.3],
  ['18446744073709551617', 0.3],
  ['"1"', 0.6],
  ["'0'", 0.4],
  ['2 # comment', 0.6],
  ['2# comment', 0.4],
  ['1;', 0.3],
  ['0 2', 0.4],
  ['0\t2', 0.3],
  ['1,2', 0.3],
  ['=1', 0.4],
  ['yes', 0.4],
  ['\xa01', 0.3],
  ['1\xa0', 0.3],
  ['\xef\xbb\xbf1', 0.2],
  ['1\v', 0.3],
  ['\f2', 0.3],
  ['1\0 2', 0.4],
  ['1\r2', 0.4],
];

const BLANKS: Weighted = [
  ['', 10],
  [' ', 10],
  ['\t', 1],
  ['  ', 1],
  ['\v', 0.2],
  ['\f', 0.2],
  ['\xa0', 0.1],
];

const ENDS: Weighted = [
  ['\n', 40],
  ['\r\n', 3],
  ['\r', 1],
  ['\0', 1],
  ['\n\r', 0.5],
  ['\n\0', 0.5],
  ['\r\n\0', 0.3],
  ['\n\n', 1],
  ['\0\n', 0.3],
];

const COMMENTS = ['#', ';', '##', ' #', '\v#', '-#'];
/** A line that systemd-sysctl takes, and the first that it doesn't: LONG_LINE_MAX. */
const LONG = [2 ** 20 - 1, 2 ** 20];

interface Words {
  keys: Weighted;
  values: Weighted;
}

/** So few that lines repeat one another. */
const few = (random: Random, words: Weighted, count: number): Weighted =>
  Array.from({ length: count }, () => [random.pickWeighted(words), 1]);

function assignment(random: Random, words: Words): string {
  const blank = () => random.pickWeighted(BLANKS);
  const dash = random.pickWeighted([
    ['', 20],
    ['-', 3],
    ['- ', 1],
    ['--', 1],
    ['---', 0.2],
  ] as const);
  return `${blank()}${dash}${random.pickWeighted(words.keys)}${blank()}=${blank()}${random.pickWeighted(words.values)}${blank()}`;
}

function line(random: Random, words: Words): string {
  const blank = () => random.pickWeighted(BLANKS);
  return random.pickWeighted([
    [() => assignment(random, words), 20],
    [() => `${blank()}-${random.pickWeighted(words.keys)}${blank()}`, 3],
    [() => `${random.pick(COMMENTS)}${assignment(random, words)}`, 2],
    [() => `${random.pickWeighted(words.keys)} ${random.pickWeighted(words.values)}`, 1],
    [() => random.pickWeighted(words.keys), 0.5],
    [() => blank(), 1],
    [() => random.pick(['=', '-', '-=1', '= 1', '#', '-\t', 'x', '\0']), 0.5],
    [() => `#${'x'.repeat(random.pick(LONG) - 1)}`, 0.1],
  ])();
}

function content(random: Random, words: Words): string {
  if (random.chance(0.04)) return '';
  const lines = Array.from({ length: 1 + random.below(4) }, () => line(random, words));
  return lines
    .map((text, index) =>
      index === lines.length - 1 && random.chance(0.15) ? text : text + random.pickWeighted(ENDS),
    )
    .join('');
}

function entry(random: Random, path: string, words: Words): Entry {
  const link = (target: string): Entry => ({ path, kind: 'link', target });
  return random.pickWeighted<() => Entry>([
    [() => ({ path, kind: 'file', content: content(random, words) }), 30],
    [() => link('/dev/null'), 2],
    [() => link('../../dev/null'), 0.5],
    [() => link('../sysctl.conf'), 2],
    [() => link('/etc/sysctl.conf'), 1],
    [() => link(random.pickWeighted(NAMES)), 1],
    [() => link(`${random.pick(DIRECTORIES)}/${random.pickWeighted(NAMES)}`), 2],
    [() => link('/data/x'), 1],
    [() => link('../../../../../../data/x'), 1],
    [() => link('/nowhere'), 1],
    [() => link(path.slice(path.lastIndexOf('/') + 1)), 0.5],
    [() => ({ path, kind: 'directory' }), 1],
  ])();
}

/** What /proc/sys/kernel/yama/ptrace_scope may be asked to become: without 3, a kernel serves for many trees. */
export function generateTree(random: Random, { without3 = true } = {}): Tree {
  const all = without3 ? VALUES : [...VALUES, ['3', 8] as const, ['0x3', 0.5] as const];
  const words = random.chance(0.3)
    ? { keys: few(random, KEYS, 3), values: few(random, all, 2) }
    : { keys: KEYS, values: all };
  const entries: Entry[] = [];
  const isMerged = random.chance(0.6);
  if (isMerged) entries.push({ path: '/lib', kind: 'link', target: random.pick(['usr/lib', '/usr/lib']) });
  for (const path of ['/data/x', '/data/sysctl.d/10-a.conf', '/data/sysctl.d/zz.conf'])
    if (random.chance(0.5)) entries.push({ path, kind: 'file', content: content(random, words) });
  for (const directory of DIRECTORIES) {
    if (random.chance(0.06)) {
      const target = random.pick([
        '/data/sysctl.d',
        '../data/sysctl.d',
        '/etc/sysctl.d',
        '/nowhere',
        'sysctl.d',
        '/data/x',
      ]);
      entries.push({ path: directory, kind: 'link', target });
    }
    if (random.chance(0.4)) continue;
    const count = 1 + random.below(3);
    for (let made = 0; made < count; made++)
      entries.push(entry(random, `${directory}/${random.pickWeighted(NAMES)}`, words));
  }
  if (random.chance(0.6)) entries.push(entry(random, '/etc/sysctl.conf', words));
  if (random.chance(0.06))
    entries.push({ path: '/etc/credstore/sysctl.extra', kind: 'file', content: content(random, words) });
  if (random.chance(0.12)) entries.push(...ufw(random, isMerged ? '/usr/lib' : '/lib', words));
  return { initial: `${random.below(3)}`, entries: plantable(entries) };
}

function ufw(random: Random, lib: string, words: Words): Entry[] {
  const named = random.pick([
    'IPT_SYSCTL=/etc/ufw/sysctl.conf',
    'IPT_SYSCTL="/etc/ufw/sysctl.conf"',
    "IPT_SYSCTL='/etc/sysctl.conf' # ours",
    'IPT_SYSCTL=',
    '#IPT_SYSCTL=/etc/ufw/sysctl.conf',
    'IPT_SYSCTL=/nowhere\nIPT_SYSCTL=/etc/ufw/sysctl.conf',
    'IPT_SYSCTL="/etc/ufw/sysctl.conf /etc/sysctl.conf"',
  ]);
  const enabled = random.pick([
    'ENABLED=yes',
    'ENABLED=YES',
    'ENABLED=yes',
    'ENABLED=no',
    'ENABLED="yes"',
    '',
  ]);
  const file = (path: string, text: string): Entry => ({ path, kind: 'file', content: text });
  return [
    file(`${lib}/ufw/ufw-init`, ''),
    file('/etc/default/ufw', `IPV6=yes\n${named}\n`),
    file('/etc/ufw/ufw.conf', `${enabled}\nLOGLEVEL=low\n`),
    file('/etc/ufw/sysctl.conf', content(random, words)),
  ];
}
