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
  // procps 3.3 writes `=` and older bytes for a line without a value.
  `${KEY}=2\n${KEY}\n`,
  `${KEY}=2\n-${KEY}\n`,
  `a.b=12345678901234567890123456789012345\n${KEY}=2\n-${KEY} `,
  // systemd 247 follows `..`, so that a pattern finds the key by another path; 257 drops it at the beginning.
  `${KEY}=1\nkernel/*/../yama/ptrace_scope=2\n`,
  '/../kernel/yama/ptrace_scope=2\n',
  'kernel/../kernel/yama/ptrace_scope=2\n',
  // procps 4.0.5: an exclusion may be a pattern.
  `-kernel.*\n${PATTERN}=2\n`,
  // busybox: what belongs to the value, a value that isn't one, joined lines, and other spellings.
  `${KEY}=2 # comment\n`,
  `${KEY}=2\n${KEY}=#1\n`,
  `# comment\\\n${KEY}=1\n${KEY}=\\\n2\n`,
  'kernel/yama.ptrace_scope=2\n',
  'kernel..yama.ptrace_scope=2\n',
  '/proc/sys/kernel/yama/ptrace_scope=2\n',
  // busybox ends at a refused write.
  `${KEY}=9\n${KEY}=2\n`,
];

const file = (path: string, content: string) => ({ path, kind: 'file' as const, content });

const link = (path: string, target: string) => ({ path, kind: 'link' as const, target });

/** The entry, with a file that it may mask. */
const above = (entry: ReturnType<typeof link>) => [entry, file('/usr/lib/sysctl.d/a.conf', `${KEY}=2\n`)];

export const CORNERS: Tree[] = [
  // busybox reads sysctl.conf alone, systemd by a link, and procps twice.
  ...TEXTS.map(text => [file('/etc/sysctl.conf', text), link('/etc/sysctl.d/a.conf', '../sysctl.conf')]),
  // Links that lead nowhere: systemd 262 masks by the first alone, Void's script and Alpine's by none.
  above(link('/etc/sysctl.d/a.conf', '/nowhere')),
  above(link('/etc/sysctl.d/a.conf', 'a.conf')),
  above(link('/etc/sysctl.d/a.conf', '/usr/lib/sysctl.d/a.conf/x')),
  above(link('/etc/sysctl.d/a.conf', '/nowhere/../x')),
  // For Void's script and Alpine's a later pattern wins, since each file is a call of its own.
  [file('/etc/sysctl.d/a.conf', `${KEY}=2\n`), file('/etc/sysctl.d/b.conf', `${PATTERN}=0\n`)],
  // /run has the lower priority for systemd and procps.
  [file('/etc/sysctl.d/a.conf', `${KEY}=2\n`), file('/run/sysctl.d/a.conf', `${KEY}=0\n`)],
  // /lib that is not /usr/lib.
  [file('/lib/sysctl.d/a.conf', `${KEY}=2\n`)],
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
