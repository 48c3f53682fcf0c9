// Another auditor's cases of conflicting sysctl.d files: the audit's verdict, compared with the real loaders. The
// cases are from ComplianceAsCode/content, shared/templates/sysctl/tests, by name; each sets one value right and one
// wrong. The loaders are Debian's own, on the same tree.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../lib/audit/index.js';
import { entriesOf, type Files, SYSTEMD } from '../helpers/root-tree.js';
import { Nursery } from '../sysctl/run.js';

const KEY = 'kernel.yama.ptrace_scope';
const line = (value: string) => `${KEY} = ${value}\n`;
const [RIGHT, WRONG] = [line('1'), line('0')];
const [CONF, DIRECTORY] = ['/etc/sysctl.conf', '/etc/sysctl.d'];

/**
 * The name, the tree, its verdict, and the value of the next boot by systemd-sysctl and by procps; empty: no loader
 * writes one.
 */
const CASES: readonly [
  name: string,
  files: Files,
  theirs: 'pass' | 'fail',
  systemd: string,
  procps: string,
][] = [
  ['comment.fail', { [CONF]: `# ${RIGHT}` }, 'fail', '', ''],
  ['correct_value.pass', { [CONF]: RIGHT }, 'pass', '', '1'],
  ['correct_value_etc_sysctld.pass', { [`${DIRECTORY}/sysctl.conf`]: RIGHT }, 'pass', '1', '1'],
  ['correct_value_usr_lib.pass', { '/usr/lib/sysctl.d/sysctl.conf': RIGHT }, 'pass', '1', '1'],
  ['correct_value_usr_local_lib.pass', { '/usr/local/lib/sysctl.d/correct.conf': RIGHT }, 'pass', '1', '1'],
  ['line_not_there.fail', {}, 'fail', '', ''],
  [
    'one_sysctl_conf_one_sysctl_d.pass',
    { [CONF]: RIGHT, [`${DIRECTORY}/second.conf`]: RIGHT },
    'pass',
    '1',
    '1',
  ],
  [
    'one_sysctl_conf_one_sysctl_d_conflicting.fail',
    { [CONF]: RIGHT, [`${DIRECTORY}/second.conf`]: WRONG },
    'fail',
    '0',
    '1',
  ],
  [
    'symlink_conflicting.fail',
    {
      [CONF]: RIGHT,
      [`${DIRECTORY}/90-test.conf`]: WRONG,
      [`${DIRECTORY}/99-sysctl.conf`]: `-> ${DIRECTORY}/90-test.conf`,
    },
    'fail',
    '0',
    '1',
  ],
  [
    'symlink_different_option.pass',
    {
      [CONF]: RIGHT,
      [`${DIRECTORY}/90-test.conf`]: 'net.ipv4.conf.all.accept_source_route = 0\n',
      [`${DIRECTORY}/99-sysctl.conf`]: `-> ${DIRECTORY}/90-test.conf`,
    },
    'pass',
    '',
    '1',
  ],
  [
    'symlink_repeated_sysctl_conf.pass',
    {
      [CONF]: RIGHT,
      [`${DIRECTORY}/90-sysctl.conf`]: `-> ${CONF}`,
      [`${DIRECTORY}/99-sysctl.conf`]: `-> ${CONF}`,
    },
    'pass',
    '1',
    '1',
  ],
  [
    'symlink_root_duplicate.pass',
    {
      [CONF]: RIGHT,
      '/root/root-sysctl.conf': RIGHT,
      [`${DIRECTORY}/90-root.conf`]: '-> /root/root-sysctl.conf',
    },
    'pass',
    '1',
    '1',
  ],
  [
    'symlink_root_incompliant.fail',
    {
      [CONF]: RIGHT,
      '/root/root-sysctl.conf': WRONG,
      [`${DIRECTORY}/90-root.conf`]: '-> /root/root-sysctl.conf',
    },
    'fail',
    '0',
    '1',
  ],
  [
    'symlinks_to_same_file.pass',
    {
      '/etc/other.conf': RIGHT,
      [`${DIRECTORY}/1.conf`]: '-> /etc/other.conf',
      [`${DIRECTORY}/2.conf`]: '-> /etc/other.conf',
    },
    'pass',
    '1',
    '1',
  ],
  [
    'two_sysctls_on_d.pass',
    { [`${DIRECTORY}/first.conf`]: RIGHT, [`${DIRECTORY}/second.conf`]: RIGHT },
    'pass',
    '1',
    '1',
  ],
  [
    'two_sysctls_on_d_conflicting.fail',
    { [`${DIRECTORY}/first.conf`]: WRONG, [`${DIRECTORY}/second.conf`]: RIGHT },
    'fail',
    '1',
    '1',
  ],
  ['two_sysctls_on_same_file.pass', { [CONF]: RIGHT + RIGHT }, 'pass', '', '1'],
  [
    'two_sysctls_on_same_file_name_conflicting.fail',
    { [CONF]: RIGHT, [`${DIRECTORY}/sysctl.conf`]: WRONG },
    'fail',
    '0',
    '1',
  ],
  [
    'wrong_usr_lib_correct_etc.pass',
    { '/usr/lib/sysctl.d/sysctl.conf': WRONG, [`${DIRECTORY}/sysctl.conf`]: RIGHT },
    'pass',
    '1',
    '1',
  ],
  [
    'wrong_usr_lib_wrong_etc.fail',
    { '/usr/lib/sysctl.d/sysctl.conf': WRONG, [`${DIRECTORY}/sysctl.conf`]: WRONG },
    'fail',
    '0',
    '0',
  ],
  ['wrong_value.fail', { [CONF]: WRONG }, 'fail', '', '0'],
  ['wrong_value_d_directory.fail', { [`${DIRECTORY}/90.conf`]: WRONG }, 'fail', '0', '0'],
  ['wrong_value_usr_local_lib.fail', { '/usr/local/lib/sysctl.d/wrong.conf': WRONG }, 'fail', '0', '0'],
];

/** No loader writes one: the initial value counts, which is 1, or 0 in Debian's kernels. */
const truthOf = (written: string) => (written === '' ? 'unknown' : written === '0' ? 'fail' : 'pass');

describe.skipIf(process.geteuid?.() !== 0)('ComplianceAsCode’s cases (the loaders need root: chroot)', () => {
  let nursery: Nursery;
  beforeAll(() => {
    nursery = new Nursery();
  });
  afterAll(() => nursery.clear());

  it.each(CASES)('%s', async (_, files, _theirs, systemd, procps) => {
    const [directory = ''] = nursery.loaded(
      [{ initial: '', entries: entriesOf({ ...SYSTEMD, ...files }) }],
      'plain',
    );
    const wrote = (loader: string) => readFileSync(join(directory, `${loader}.value`), 'utf8').trim();
    expect({ systemd: wrote('systemd-sysctl'), procps: wrote('procps') }).toEqual({ systemd, procps });
    const report = await audit({ root: join(directory, 'root'), profile: 'cis' });
    expect(report.verdict).toBe(truthOf(systemd));
  });

  it('the verdict differs from that of the boot in these cases, for the stated reason', () => {
    const different = CASES.filter(([, , theirs, systemd]) => truthOf(systemd) !== theirs);
    expect(different.map(([name]) => name)).toEqual([
      'comment.fail', // no line sets it: the initial value is not known
      'correct_value.pass', // systemd-sysctl doesn't read /etc/sysctl.conf, which they take for read
      'line_not_there.fail', // as comment.fail
      'symlink_different_option.pass', // as correct_value.pass
      'two_sysctls_on_d_conflicting.fail', // the last wins, and is right
      'two_sysctls_on_same_file.pass', // as correct_value.pass
      'wrong_value.fail', // as correct_value.pass
    ]);
  });
});
