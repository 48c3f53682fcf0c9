// `tracegate remediate --apply` on a running system: the scope holds at once, and again after a boot with either
// loader. The system is a lab's, booted twice, with an /etc of its own that outlives it.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AuditReport } from '../../lib/audit/index.js';
import { Random } from '../differential/random.js';
import { MAIN } from '../helpers/cli.js';
import { IS_ROOT, ROOT } from '../helpers/processes.js';
import { entriesOf, type Files } from '../helpers/root-tree.js';
import { SEED, times } from '../helpers/tier.js';
import { plant } from '../sysctl/tree.js';

const KEY = 'kernel.yama.ptrace_scope';

/** The one that asks for 3 comes last: it can't be undone. */
const ALL: readonly [name: string, scope: 1 | 2 | 3, files: Files][] = [
  ['1-unset', 1, {}],
  [
    '3-wrong-file',
    1,
    { '/etc/sysctl.d/60-x.cnf': `${KEY} = 1\n`, '/etc/sysctl.d/60-x.conf': `${KEY} = 0\n` },
  ],
  ['4-later-file', 2, { '/etc/sysctl.d/60-x.conf': `${KEY} = 2\n`, '/etc/sysctl.d/zz.conf': `${KEY} = 0\n` }],
  ['6-sysctl-conf', 2, { '/etc/sysctl.conf': `${KEY} = 0\n` }],
  [
    '7-linked',
    1,
    { '/etc/sysctl.conf': `${KEY} = 0\n`, '/etc/sysctl.d/99-sysctl.conf': '-> ../sysctl.conf' },
  ],
  ['9-no-attach', 3, { '/etc/sysctl.d/10-ptrace.conf': `${KEY} = 1\n`, '/etc/sysctl.conf': `${KEY} = 0\n` }],
];

/** What each leads to on a tree, whichever loader reads it, is in remediate.test.ts. */
const DRAWN = new Random(SEED, 'remediate', 'boot').shuffle(ALL.slice(0, -1)).slice(0, times(2, ALL.length));
const STATES = ALL.filter(state => DRAWN.includes(state) || state === ALL.at(-1));

/** What programs of this machine look for there. */
const NEEDED = ['passwd', 'group', 'nsswitch.conf', 'ld.so.cache', 'ld.so.conf'];

const exactly = (value: number) => ({
  schemaVersion: 1,
  id: 'exactly',
  title: `exactly ${value}`,
  source: { document: 'a test', item: null, reference: 'here' },
  ptraceScope: { value, match: 'exactly', in: ['running', 'next-boot'], explicit: false },
});

describe.skipIf(!IS_ROOT)(`in the lab (for root: mount), states of seed ${SEED}`, () => {
  let states = '';
  const read = (name: string, file: string) => readFileSync(join(states, name, file), 'utf8').trim();
  const report = (name: string, file: string) => JSON.parse(read(name, file)) as AuditReport;
  const verdict = (name: string, file: string) => report(name, file).verdict;
  const row = (name: string, file: string, id: string) => report(name, file).rows.find(one => one.id === id);

  beforeAll(() => {
    // The lab has a /tmp of its own.
    states = mkdtempSync(join(ROOT, 'build', 'live-'));
    for (const [name, scope, files] of STATES) {
      const root = join(states, 'planted');
      plant({ initial: '', entries: entriesOf(files) }, root);
      mkdirSync(join(states, name));
      spawnSync('cp', ['-a', join(root, 'etc'), join(states, name, 'etc')]);
      rmSync(root, { recursive: true });
      for (const file of NEEDED) {
        if (existsSync(`/etc/${file}`)) copyFileSync(`/etc/${file}`, join(states, name, 'etc', file));
      }
      // The lab's own command line has an init= of the lab.
      mkdirSync(join(states, name, 'etc/kernel'));
      writeFileSync(join(states, name, 'etc/kernel/cmdline'), 'root=/dev/ubda ro\n');
      writeFileSync(join(states, name, 'scope'), `${scope}`);
      writeFileSync(join(states, name, 'profile.json'), JSON.stringify(exactly(scope)));
    }
    // Without certificates, which Node would read at each start.
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    for (const phase of ['apply', 'boot']) {
      const words = ['--kernel', 'uml', '--scope', '0', '--timeout', '1200', '--'];
      const script = ['sh', join(ROOT, 'test/sysctl/live.sh'), phase, states, MAIN];
      const lab = spawnSync(join(ROOT, 'scripts/lab'), [...words, ...script], { encoding: 'utf8', env });
      expect(lab).toMatchObject({ status: 0 });
    }
    return () => rmSync(states, { recursive: true });
  });

  it.each(STATES)('%s: what runs before is a finding', (name, scope) => {
    expect(verdict(name, 'before.audit')).toBe('fail');
    expect(row(name, 'before.audit', 'running')).toMatchObject({
      verdict: 'fail',
      found: '0',
      remedy: `tracegate remediate --scope ${scope}`,
    });
  });

  it.each(STATES)('%s, to %i: at once', (name, scope) => {
    expect({ said: read(name, 'apply.out'), status: read(name, 'apply.status') }).toMatchObject({
      said: expect.stringContaining('Done, and verified.'),
      status: '0',
    });
    expect(read(name, 'apply.running')).toBe(`${scope}`);
    expect(verdict(name, 'apply.audit')).toBe('pass');
    for (const id of ['drift', 'loaders-agree', 'yama'])
      expect(row(name, 'apply.audit', id)).toMatchObject({ id, verdict: 'pass' });
  });

  it.each(STATES)('%s, to %i: after a boot', (name, scope) => {
    expect(read(name, 'boot.systemd-sysctl')).toBe(`${scope}`);
    expect(read(name, 'boot.procps')).toBe(`${scope}`);
    expect(verdict(name, 'boot.audit')).toBe('pass');
  });
});
