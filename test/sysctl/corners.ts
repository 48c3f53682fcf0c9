// Trees that the generator draws too seldom. The same loaders read them, before the drawn trees.
import type { Tree } from './tree.js';

const KEY = 'kernel.yama.ptrace_scope';
const PATTERN = 'kernel.yama.*';
const OTHER = 'kernel.*.ptrace_scope';
const comment = (length: number) => `#${'x'.repeat(length - 1)}`;

const TEXTS = [
  // An assignment that repeats its value stays where it was; one that changes it goes to the end.
  `${PATTERN}=0\n${OTHER}=2\n${PATTERN}=0\n`,
  `${PATTERN}=1\n${OTHER}=2\n${PATTERN}=0\n`,
  `${PATTERN}=0\n${OTHER}=2\n-${PATTERN}\n${PATTERN}=0\n`,
  // LONG_LINE_MAX, and the line before it.
  `${KEY}=1\n${comment(2 ** 20 - 1)}\n${KEY}=2\n`,
  `${KEY}=1\n${comment(2 ** 20)}\n${KEY}=2\n`,
  `${KEY}=2\n${comment(2 ** 20)}`,
  // A text that fills the buffer of proc_get_long(), and one that doesn't.
  `${KEY}=2\n${KEY}=00000000000000000001\n`,
  `${KEY}=2\n${KEY}=000000000000000000001\n`,
  `${KEY}=\xa02\n`,
  `${KEY}=2x\n`,
];

const file = (path: string, content: string) => ({ path, kind: 'file' as const, content });

export const CORNERS: Tree[] = [
  ...TEXTS.map(text => [file('/etc/sysctl.d/a.conf', text)]),
  [file('/etc/sysctl.d/{x,y}1.conf', `${KEY}=0\n`), file('/etc/sysctl.d/{x,y}?.conf', `${KEY}=2\n`)],
  [file('/etc/sysctl.d/x1.conf', `${KEY}=0\n`), file('/etc/sysctl.d/{x,y}?.conf', `${KEY}=2\n`)],
  [
    file('/etc/sysctl.d/*.conf', `${KEY}=0\n`),
    { path: '/etc/sysctl.d/b.conf', kind: 'link' as const, target: '/nowhere' },
    file('/etc/sysctl.d/c.conf', `${KEY}=2\n`),
  ],
  // A masked file that a pattern opens after all; one that it does not, since a dot has to be spelled.
  [
    file('/etc/sysctl.d/{x,y}a.conf', ''),
    file('/usr/lib/sysctl.d/{x,y}?.conf', `${KEY}=2\n`),
    file('/usr/lib/sysctl.d/{x,y}a.conf', `${KEY}=0\n`),
  ],
  [
    file('/etc/sysctl.d/.a.conf', ''),
    file('/usr/lib/sysctl.d/*a.conf', `${KEY}=2\n`),
    file('/usr/lib/sysctl.d/.a.conf', `${KEY}=0\n`),
  ],
].map(entries => ({ initial: '1', entries }));
