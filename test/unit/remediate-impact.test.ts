// Which tools of a tree lose what at a stricter ptrace_scope. The expected losses follow from Yama's rule, in
// Documentation/admin-guide/LSM/Yama.rst, and from the reports that the table names.
import { expect, it } from 'vitest';
import { impactOf } from '../../lib/audit/remediate/impact.js';
import { TRACING_TOOLS, UNAFFECTED } from '../../lib/audit/remediate/tracing-tools.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { rootTree } from '../helpers/root-tree.js';

const treeOf = (...paths: string[]) =>
  openFileTree(rootTree(Object.fromEntries(paths.map(path => [path, '']))));
const lost = (path: string, from: 0 | 1 | 2, to: 0 | 1 | 2 | 3) =>
  impactOf(treeOf(path), null, from, to).tools.map(tool => `${tool.path}: ${tool.loses}`);

const OTHERS = 'attaching to a process that it did not start';
it.each<[path: string, at1: string | null, at2: string | null, at3: string | null]>([
  ['/usr/bin/gdb', OTHERS, 'attaching to any process, and starting one under it', 'everything, also as root'],
  [
    '/usr/bin/gdbserver',
    OTHERS,
    'attaching to any process, and starting one under it',
    'everything, also as root',
  ],
  [
    '/usr/bin/lldb-16',
    OTHERS,
    'attaching to any process, and starting one under it',
    'everything, also as root',
  ],
  [
    '/usr/bin/gdb-multiarch',
    OTHERS,
    'attaching to any process, and starting one under it',
    'everything, also as root',
  ],
  ['/usr/local/bin/reptyr', OTHERS, 'attaching to any process', 'attaching, also as root'],
  ['/usr/bin/rr', null, 'starting a program under it', 'starting a program under it, also as root'],
  ['/usr/bin/proot', null, 'starting a program under it', 'starting a program under it, also as root'],
  [
    '/usr/local/bin/runsc',
    null,
    'starting a sandbox with --directfs=false',
    'starting any sandbox on the platforms systrap and ptrace',
  ],
  ['/usr/bin/lxcfs', null, null, '/proc of its containers: /proc/PID/personality has the rules of an attach'],
  [
    '/usr/bin/phpspy',
    'reading a process that it did not start',
    'reading any process',
    'reading any process, also as root',
  ],
  [
    '/usr/lib/x86_64-linux-gnu/libexec/drkonqi',
    null,
    'the backtrace of a crashed KDE program, unless systemd-coredump has a core',
    'the backtrace of a crashed KDE program, unless systemd-coredump has a core, also as root',
  ],
  [
    '/opt/google/chrome/chrome_crashpad_handler',
    null,
    'the minidump of a crashed process (Crashpad, Breakpad)',
    'the minidump of a crashed process (Crashpad, Breakpad), also as root',
  ],
  ['/usr/bin/perf', null, null, null],
  ['/usr/bin/bpftrace', null, null, null],
  ['/usr/bin/gdb-add-index', null, null, null],
  ['/usr/bin/rrdtool', null, null, null],
])('%s at 1, 2 and 3', (path, ...losses) => {
  const found = ([1, 2, 3] as const).map(to => lost(path, 0, to));
  expect(found).toEqual(losses.map(loses => (loses === null ? [] : [`${path}: ${loses}`])));
});

it('a loss that the present scope has already is not named, nor one of a weaker scope', () => {
  expect(lost('/usr/bin/lxcfs', 2, 2)).toEqual([]);
  expect(lost('/usr/bin/gdb', 1, 0)).toEqual([]);
  expect(lost('/usr/bin/rr', 1, 2)).toHaveLength(1);
});

it('it says where it looked, each directory once, and where it did not', () => {
  const tree = openFileTree(
    rootTree({ '/usr/bin/gdb': '', '/bin': '-> usr/bin', '/opt/google/chrome/chrome_crashpad_handler': '' }),
  );
  const { tools, searched, notSearched } = impactOf(tree, null, 0, 2);
  expect(tools.map(({ path }) => path)).toEqual([
    '/usr/bin/gdb',
    '/opt/google/chrome/chrome_crashpad_handler',
  ]);
  expect(searched).toEqual(['/usr/bin', '/opt/google/chrome', '/opt/google']);
  expect(notSearched[0]).toBe('home directories');
  expect(impactOf(tree, null, 2, 1)).toMatchObject({ tools: [], searched: [], notSearched: [] });
});

it('each tool of the table has a source, and losses in the order of the scopes', () => {
  for (const { programs, losses, source } of TRACING_TOOLS) {
    const scopes = losses.map(({ from }) => from);
    expect({ programs, scopes }).toEqual({ programs, scopes: [...new Set(scopes)].sort() });
    expect(source).toMatch(/^https:/);
    for (const program of programs) expect(Object.keys(UNAFFECTED)).not.toContain(program);
  }
});
