// remediate() on trees, with Debian's own loaders on the result. remediate-boot.test.ts tries it on a running system
// in the lab, with a boot after it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { remediate } from '../../lib/audit/index.js';
import { Random } from '../differential/random.js';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { IS_ROOT } from '../helpers/processes.js';
import { contents, entriesOf, type Files, rootTree, SYSTEMD } from '../helpers/root-tree.js';
import { isNightly, SEED } from '../helpers/tier.js';
import { Nursery } from '../sysctl/run.js';

const KEY = 'kernel.yama.ptrace_scope';
const OWN = '/etc/sysctl.d/99-tracegate-ptrace-scope.conf';
const CONSENTS = { allowIrreversible: true, allowDowngrade: true };
const LOADERS = ['systemd-sysctl', 'procps'] as const;
type Scope = 0 | 1 | 2 | 3;

/** Those that the loaders read. */
const configuration = (root: string): Files =>
  Object.fromEntries(Object.entries(contents(root)).filter(([path]) => !path.startsWith('/proc/')));

/** Of dpkg's status, for a file that a package brought with this text. */
const conffile = (path: string, text: string) =>
  `Package: x\nConffiles:\n ${path} ${createHash('md5').update(text).digest('hex')}\nVersion: 1\n`;

const STATES: readonly [name: string, files: Files, changed: string[]][] = [
  ['nothing set', {}, [OWN]],
  ['commented', { '/etc/sysctl.conf': `#${KEY}=2\n` }, [OWN]],
  [
    "the administrator's own line, which is changed in place",
    { '/etc/sysctl.d/10-ptrace.conf': `a.b = 1\n-${KEY} = 0 \n` },
    ['/etc/sysctl.d/10-ptrace.conf'],
  ],
  ['a pattern in a file with a later name', { '/etc/sysctl.d/zz.conf': `kernel.yama.* = 0\n` }, [OWN]],
  [
    'a conffile that nobody has edited',
    {
      '/etc/sysctl.d/10-ptrace.conf': `${KEY}=0\n`,
      '/var/lib/dpkg/status': conffile('/etc/sysctl.d/10-ptrace.conf', `${KEY}=0\n`),
    },
    [OWN],
  ],
  [
    'a conffile that was edited',
    {
      '/etc/sysctl.d/10-ptrace.conf': `${KEY}=0\n`,
      '/var/lib/dpkg/status': conffile('/etc/sysctl.d/10-ptrace.conf', ''),
    },
    ['/etc/sysctl.d/10-ptrace.conf'],
  ],
  ['a file of a package', { '/usr/lib/sysctl.d/50-x.conf': `${KEY}=0\n` }, [OWN]],
  [
    'a later file of a package',
    { '/usr/lib/sysctl.d/zz.conf': `${KEY}=0\n` },
    ['/etc/sysctl.d/zzzz-tracegate-ptrace-scope.conf'],
  ],
  [
    'a file of a package behind all our names',
    { '/usr/lib/sysctl.d/zzzzz.conf': `# x\n${KEY}=0\n` },
    ['/etc/sysctl.d/zzzzz.conf'],
  ],
  [
    'such a file with other settings, of which a copy is read',
    { '/usr/lib/sysctl.d/zzzzz.conf': `a.b = 1\n${KEY}=0\n` },
    ['/etc/sysctl.d/zzzzz.conf'],
  ],
  ['our own file with another value', { [OWN]: `${KEY}=0\n` }, [OWN]],
  [
    'sysctl.conf, which procps reads last',
    { '/etc/sysctl.conf': `a.b=1\n${KEY}=0\n` },
    [OWN, '/etc/sysctl.conf'],
  ],
  [
    'a link to sysctl.conf too',
    { '/etc/sysctl.conf': `${KEY}=0\n`, '/etc/sysctl.d/99-sysctl.conf': '-> ../sysctl.conf' },
    ['/etc/sysctl.conf'],
  ],
  [
    'ufw, which comes last',
    {
      '/lib/ufw/ufw-init': '',
      '/etc/default/ufw': 'IPT_SYSCTL=/etc/ufw/sysctl.conf\n',
      '/etc/ufw/ufw.conf': 'ENABLED=yes\n',
      '/etc/ufw/sysctl.conf': `kernel/yama/ptrace_scope=0\n`,
    },
    ['/etc/ufw/sysctl.conf'],
  ],
  [
    'many lines in a row',
    { '/etc/sysctl.conf': `${KEY}=0\n${KEY}=3\n`, '/etc/sysctl.d/zzzzz.conf': `${KEY}=0\n${KEY}=1\n` },
    [],
  ],
];

describe.skipIf(!IS_ROOT)('the loaders agree afterwards (they need root: chroot)', () => {
  let nursery: Nursery;
  beforeAll(() => {
    nursery = new Nursery();
  });
  afterAll(() => nursery.clear());

  describe.each(STATES)('%s', (_, files, changed) => {
    it.each([1, 2, 3] as const)('to %i', async scope => {
      const root = rootTree({ ...SYSTEMD, ...files });
      const plan = remediate({ root, scope });
      expect(plan).toMatchObject({ applied: false, kept: [] });
      expect(contents(root)).toEqual(contents(rootTree({ ...SYSTEMD, ...files })));
      if (changed.length > 0)
        expect(plan.changes.map(({ path }) => path).sort()).toEqual([...changed].sort());
      const done = remediate({ root, scope, apply: true, ...CONSENTS });
      expect(done.applied).toBe(true);
      for (const { path, before, after } of done.changes) {
        expect(readFileSync(join(root, path), 'latin1')).toBe(after);
        const kept = join(root, `${path}.tracegate-old`);
        expect(existsSync(kept) ? readFileSync(kept, 'latin1') : null).toBe(before);
      }
      expect(remediate({ root, scope })).toMatchObject({ changes: [], consents: [] });
      const links = Object.fromEntries(Object.entries(files).filter(([, text]) => text.startsWith('-> ')));
      const [directory = ''] = nursery.loaded(
        [{ initial: '', entries: entriesOf({ ...links, ...configuration(root) }) }],
        'plain',
      );
      for (const loader of LOADERS)
        expect(readFileSync(join(directory, `${loader}.value`), 'utf8').trim()).toBe(`${scope}`);
    });
  });
});

describe('consent', () => {
  it.each<[Scope, Files, RegExp, RegExp]>([
    [3, {}, /3 holds until the next boot.*allowIrreversible: true/, /needs --allow-irreversible: 3 stays/],
    [0, {}, /it would be weaker.*allowDowngrade: true/, /needs --allow-downgrade: more processes/],
    [1, { '/etc/sysctl.d/1.conf': `${KEY}=2\n` }, /weaker/, /needs --allow-downgrade: /],
  ])('%i of %j: refused without, and nothing is changed', async (scope, files, message, ofCommand) => {
    const root = rootTree({ ...SYSTEMD, ...files });
    const before = contents(root);
    expect(() => remediate({ root, scope, apply: true })).toThrow(message);
    const { code, stderr } = await tracegate(['remediate', '--root', root, '--scope', `${scope}`, '--apply']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(ofCommand) });
    expect(contents(root)).toEqual(before);
    expect(remediate({ root, scope, apply: true, ...CONSENTS })).toMatchObject({ applied: true });
  });
});

describe('the command line', () => {
  it('prints the plan, with exit code 1 if there is something to do, and 0 after it is done', async () => {
    const root = rootTree({ ...SYSTEMD, '/etc/sysctl.d/60.conf': `${KEY} = 0\n`, '/usr/bin/gdb': '' });
    const ask = ['remediate', '--root', root, '--scope', '2'];
    const plan = await tracegate(ask);
    expect(plan).toMatchObject({ code: 1, stderr: '' });
    expect(plan.stdout).toContain('change /etc/sysctl.d/60.conf: line 1 would set 0 last');
    expect(plan.stdout).toContain(`- ${KEY} = 0\n    + ${KEY} = 2`);
    expect(plan.stdout).toContain(
      'breaks: /usr/bin/gdb loses attaching to any process, and starting one under it',
    );
    expect(plan.stdout).toContain('add --apply');
    const json = await tracegate([...ask, '--json']);
    expect(validated('remediate', json.stdout)).toMatchObject({ applied: false });
    expect(await tracegate([...ask, '--apply'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Done'),
    });
    expect(await tracegate(ask)).toMatchObject({ code: 0, stdout: expect.stringContaining('It is 2') });
  });

  it.each<[string[], number, RegExp]>([
    [[], 2, /remediate needs --scope/],
    [['--scope', '4'], 2, /--scope "4": use 0, 1, 2 or 3/],
    [['--scope', '1', '--root', '/nonexistent'], 3, /ENOENT/],
    [['--scope', '1', 'x'], 2, /takes no argument/],
  ])('%j: one line, %i', async (words, code, message) => {
    const run = await tracegate(['remediate', ...words]);
    expect(run).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a boot entry that sets 3 can not be undone by a file', async () => {
    const root = rootTree({ ...SYSTEMD, '/etc/kernel/cmdline': `root=/dev/sda sysctl.${KEY}=3\n` });
    const run = await tracegate([
      'remediate',
      '--root',
      root,
      '--scope',
      '1',
      '--apply',
      '--allow-downgrade',
    ]);
    expect(run).toMatchObject({ code: 3, stderr: expect.stringMatching(/kernel's command line/) });
    expect(existsSync(join(root, OWN))).toBe(false);
  });
});

describe('a system whose files set nothing', () => {
  const entry = (name: string, options: string): Files => ({
    [`/boot/loader/entries/${name}.conf`]: `title ${name}\nlinux /vmlinuz\noptions root=/dev/sda ${options}\n`,
  });
  const release = (id: string) => ({ '/etc/os-release': `NAME=x\nID=${id}\n` });
  it.each<[system: string, files: Files, text: string]>([
    ['NixOS', release('nixos'), `boot.kernel.sysctl."${KEY}" = 2;`],
    ['Talos Linux', release('"talos"'), `machine:\n  sysctls:\n    ${KEY}: "2"`],
    ['Bottlerocket', release('bottlerocket'), `[settings.kernel.sysctl]\n"${KEY}" = "2"`],
    ['Guix System', release('guix'), `"${KEY}" . "2"`],
    [
      'an image with a transient /etc',
      { '/usr/lib/ostree/prepare-root.conf': '[composefs]\nenabled = yes\n[etc]\ntransient = true\n' },
      `RUN echo '${KEY} = 2' > /usr/lib/sysctl.d/99-ptrace-scope.conf`,
    ],
  ])('%s: refused with its own way, also in JSON, and nothing is changed', async (system, files, text) => {
    const root = rootTree({ ...SYSTEMD, ...files });
    const before = contents(root);
    const words = ['remediate', '--root', root, '--scope', '2'];
    for (const more of [[], ['--apply']]) {
      const run = await tracegate([...words, ...more]);
      expect(run).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining(`${system}: `) });
      expect(run.stderr).toContain(text.replaceAll('\n', '\n    '));
      const json = await tracegate([...words, ...more, '--json']);
      expect(json).toMatchObject({ code: 3, stderr: '' });
      const instead = { where: expect.any(String), text: expect.stringContaining(text) };
      expect(validated('remediate-refusal', json.stdout)).toMatchObject({ scope: 2, root, system, instead });
    }
    expect(contents(root)).toEqual(before);
  });

  it.each<[string, Files, RegExp]>([
    [
      'an /etc that leads to a store',
      { '/etc/sysctl.d': '-> /nix/store/1-etc/sysctl.d', '/nix/store/1-etc/sysctl.d/x': '' },
      /leads to \/nix\/store\/1-etc\/sysctl.d/,
    ],
    [
      'an image of a container, without an init',
      Object.fromEntries(Object.keys(SYSTEMD).map(path => [`${path}.other`, ''])),
      /nothing reads the files of sysctl.d at boot: there is no \/sbin\/init/,
    ],
    [
      'a boot without Yama',
      { '/etc/kernel/cmdline': 'root=/dev/sda lsm=yama lsm=landlock,bpf\n' },
      /boots without Yama: \/etc\/kernel\/cmdline: .*add yama to lsm=/,
    ],
    [
      'a boot that may have no Yama',
      { ...entry('a', 'lsm=landlock,yama'), ...entry('b', 'lsm=landlock') },
      /may boot without Yama: \/boot\/loader\/entries\/b.conf has no Yama, and another boot has it/,
    ],
  ])('%s: refused', (_, files, message) => {
    const programs = Object.keys(files).some(path => path.endsWith('.other')) ? {} : SYSTEMD;
    expect(() =>
      remediate({ root: rootTree({ ...programs, ...files, '/etc/hostname': '' }), scope: 1 }),
    ).toThrow(message);
  });

  it.each(['fedora', 'opensuse-microos', 'flatcar'])('ID=%s: its /etc is its own, and stays', id => {
    const root = rootTree({ ...SYSTEMD, ...release(id), '/ostree/x': '' });
    expect(remediate({ root, scope: 1 }).changes.map(({ path }) => path)).toEqual([OWN]);
  });
});

describe('what is left to do', () => {
  it.each<[program: string, command: string]>([
    ['/usr/sbin/update-initramfs', 'update-initramfs -u -k all'],
    ['/usr/bin/dracut', 'dracut -f --regenerate-all'],
    ['/usr/bin/mkinitcpio', 'mkinitcpio -P'],
  ])('after a 3 is lowered, with %s: the initrd is rebuilt', (program, command) => {
    const files = { ...SYSTEMD, [program]: '', '/etc/sysctl.d/1.conf': `${KEY} = 3\n` };
    const root = rootTree(files);
    expect(remediate({ root, scope: 1 }).nextSteps).toEqual([
      { command: `chroot ${root} ${command}`, why: expect.stringMatching(/^rebuild the initrd: a 3 /) },
    ]);
    expect(remediate({ root, scope: 3 }).nextSteps).toEqual([]);
    const lower = rootTree({ ...files, '/etc/sysctl.d/1.conf': `${KEY} = 2\n` });
    expect(remediate({ root: lower, scope: 1 }).nextSteps).toEqual([]);
  });

  it('a new file gets the label of the SELinux policy, and a changed file keeps its own', async () => {
    const contexts = '/etc/selinux/targeted/contexts/files/file_contexts';
    const files = {
      ...SYSTEMD,
      '/etc/selinux/config': 'SELINUX=enforcing\nSELINUXTYPE=targeted\n',
      [contexts]: '',
    };
    const root = rootTree(files);
    const { stdout } = await tracegate(['remediate', '--root', root, '--scope', '1']);
    expect(stdout).toContain(`\n    setfiles -F -r ${root} ${root}${contexts} ${root}${OWN}\n`);
    const own = rootTree({ ...files, '/etc/sysctl.d/1.conf': `${KEY} = 0\n` });
    expect(remediate({ root: own, scope: 1 }).nextSteps).toEqual([]);
  });

  it('Fedora CoreOS: the same setting for machines that are made anew', () => {
    const root = rootTree({ ...SYSTEMD, '/usr/lib/os-release': 'ID=fedora\nVARIANT_ID=coreos\n' });
    expect(remediate({ root, scope: 1 }).nextSteps).toEqual([
      {
        command: expect.stringMatching(/^variant: fcos\n.*inline: kernel.yama.ptrace_scope = 1$/s),
        why: expect.stringContaining('Butane'),
      },
    ]);
  });
});

describe('a place that cannot be written', () => {
  it.skipIf(!IS_ROOT)('a read-only root: refused, and nothing is left (for root: mount)', () => {
    const root = rootTree({ ...SYSTEMD, '/etc/sysctl.conf': `${KEY}=0\n` });
    const before = contents(root);
    const words = [MAIN, 'remediate', '--root', root, '--scope', '1', '--apply'];
    const mounted = `mount --bind -o ro "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"`;
    const run = spawnSync('unshare', ['-m', 'sh', '-c', mounted, root, process.execPath, ...words], {
      encoding: 'utf8',
    });
    expect(run).toMatchObject({ status: 3, stderr: expect.stringMatching(/EROFS.*nothing is changed/) });
    expect(contents(root)).toEqual(before);
  });

  it.skipIf(!IS_ROOT)(
    'the second of two files can not be written: the first is put back (for root: mount)',
    () => {
      const root = rootTree({ ...SYSTEMD, '/etc/sysctl.conf': `${KEY}=0\n`, [OWN]: 'mine = 1\n' });
      const before = contents(root);
      const words = [MAIN, 'remediate', '--root', root, '--scope', '1', '--apply'];
      // A mounted file can't be renamed over: EXDEV.
      const mounted = `mount --bind "$0/etc/sysctl.conf" "$0/etc/sysctl.conf" && exec "$@"`;
      const run = spawnSync('unshare', ['-m', 'sh', '-c', mounted, root, process.execPath, ...words], {
        encoding: 'utf8',
      });
      expect(run).toMatchObject({ status: 3, stderr: expect.stringMatching(/EXDEV.*nothing is changed/) });
      expect(contents(root)).toEqual(before);
    },
  );

  it.skipIf(!IS_ROOT)('as an ordinary user: refused (for root: to drop to one)', () => {
    const root = rootTree({ ...SYSTEMD });
    chmodSync(join(root, '..'), 0o755);
    expect(() => remediate({ root: '/', scope: 1 })).toThrow(/Yama/);
    const user = ['--reuid=1000', '--regid=1000', '--clear-groups', 'touch', join(root, 'etc/x')];
    expect(spawnSync('setpriv', user).status).not.toBe(0);
  });

  it('keeps the owner and the mode of a replaced file', () => {
    const root = rootTree({ ...SYSTEMD, '/etc/sysctl.conf': `${KEY}=0\n` });
    const path = join(root, 'etc/sysctl.conf');
    chmodSync(path, 0o640);
    if (IS_ROOT) chownSync(path, 4711, 4711);
    remediate({ root, scope: 1, apply: true });
    const { mode, uid } = statSync(path);
    expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o640, uid: IS_ROOT ? 4711 : process.getuid!() });
  });
});

describe('kill -9 at every step leaves the old state or the new, never half a file', () => {
  /**
   * The calls that change something, except those of Node's own start. Half of a text is in a file that no process
   * reads yet.
   */
  const CALLS = 'mkdir,fchown,fchmod,fsync,link,linkat,rename,renameat,renameat2,unlink,unlinkat';
  const FILES: Files = { ...SYSTEMD, '/etc/sysctl.conf': `${KEY}=0\n`, [OWN]: `${KEY} = 0\n` };
  const words = (root: string) => [MAIN, 'remediate', '--root', root, '--scope', '1', '--apply'];

  /** A run under strace: how it ended, and the calls that it made. */
  function traced(root: string, options: string[] = []) {
    const log = join(root, '../strace');
    const strace = ['-f', '-qq', '-o', log, '-e', `trace=${CALLS}`, ...options];
    const { signal, status } = spawnSync('strace', [...strace, process.execPath, ...words(root)]);
    const calls = readFileSync(log, 'utf8').split('\n');
    return {
      isKilled: signal === 'SIGKILL' || status === 137,
      status,
      calls: calls.filter(line => /^\d+ +\w+\(/.test(line)),
    };
  }

  /** strace counts the calls of each name by themselves. */
  function killBefore(calls: readonly string[], at: number): string[] {
    const names = calls.slice(0, at).map(call => / (\w+)\(/.exec(call)![1]!);
    const nth = names.filter(name => name === names.at(-1)).length;
    return ['-e', `inject=${names.at(-1)}:signal=SIGKILL:when=${nth}`];
  }

  /** At which calls to kill: each, or two for each state that they leave. */
  function drawn(calls: readonly string[]): number[] {
    const changing = calls.map((_, at) => at + 1);
    if (isNightly) return changing;
    const random = new Random(SEED, 'remediate', 'kill');
    const renames = changing.filter(at => / rename/.test(calls[at - 1]!));
    return [0, 1, 2, 3].flatMap(done => {
      const those = changing.filter(at => renames.filter(rename => rename < at).length === done);
      return random.shuffle(those).slice(0, 2);
    });
  }

  it(`of a tree in which two files change (seed ${SEED})`, () => {
    const plan = remediate({ root: rootTree(FILES), scope: 1 });
    const [old, fresh] = (['before', 'after'] as const).map(
      when => new Map(plan.changes.map(change => [change.path, change[when]])),
    ) as [Map<string, string | null>, Map<string, string | null>];
    const whole = traced(rootTree(FILES));
    expect(whole).toMatchObject({ isKilled: false, status: 0 });
    expect(whole.calls.length).toBeGreaterThan(10);
    const seen = new Set<string>();
    for (const call of drawn(whole.calls)) {
      const root = rootTree(FILES);
      const { isKilled, calls } = traced(root, killBefore(whole.calls, call));
      expect({ call, isKilled, made: calls.length }).toEqual({ call, isKilled: true, made: call });
      const state = plan.changes.map(({ path }) => {
        const text = readFileSync(join(root, path), 'latin1');
        expect([old.get(path), fresh.get(path)]).toContain(text);
        return text === fresh.get(path) ? 'new' : 'old';
      });
      seen.add(state.join(' '));
      // The next run succeeds from every state that is left.
      const again = spawnSync(process.execPath, words(root), { encoding: 'utf8' });
      expect(again).toMatchObject({ status: 0, stderr: '' });
      for (const [path, text] of fresh) expect(readFileSync(join(root, path), 'latin1')).toBe(text);
      expect(readdirSync(join(root, 'etc')).filter(name => name.includes('tracegate-new'))).toEqual([]);
    }
    expect([...seen].sort()).toEqual(['new new', 'new old', 'old old']);
  });
});

describe('nothing outside of the tree is written', () => {
  it.each([
    ['the directory is a link', (host: string) => ({ '/etc/sysctl.d': `-> ${host}` })],
    [
      'a directory above it is',
      (host: string) => ({ '/etc/sysctl.d': `-> /linked/x`, '/linked': `-> ${host}` }),
    ],
  ])('where %s that dangles in the tree and leads somewhere on the host', (_what, linked) => {
    const host = mkdtempSync(join(tmpdir(), 'tracegate-outside-'));
    onTestFinished(() => rmSync(host, { recursive: true }));
    mkdirSync(join(host, 'x'));
    const root = rootTree({ ...SYSTEMD, '/etc/hostname': 'x', ...linked(host) });
    expect(() => remediate({ root, scope: 1, apply: true })).toThrow(
      /\/etc\/sysctl.d is no directory, or there is a link on the way to it that leads nowhere in this tree/,
    );
    expect([readdirSync(host), readdirSync(join(host, 'x'))]).toEqual([['x'], []]);
  });

  it('where /etc itself is an absolute link, the directory is made behind it in the tree', () => {
    const root = rootTree({ ...SYSTEMD, '/etc/hostname': 'x' });
    renameSync(join(root, 'etc'), join(root, 'real'));
    symlinkSync('/real', join(root, 'etc'));
    remediate({ root, scope: 1, apply: true });
    expect(readdirSync(join(root, 'real/sysctl.d'))).toEqual(['99-tracegate-ptrace-scope.conf']);
  });
});

it('a file of another user gets no set-id bits, and no text of another file', () => {
  const root = rootTree({ ...SYSTEMD, '/etc/sysctl.conf': `${KEY}=0\n`, [OWN]: `${KEY} = 0\n` });
  chmodSync(join(root, OWN), 0o4755);
  remediate({ root, scope: 1, apply: true });
  expect(statSync(join(root, OWN)).mode & 0o7777).toBe(0o755);
});

it.each(['zzzzz-\u00e9.conf', 'zzzzz-\u00c3\u00a9.conf'])(
  'a name that is not ASCII (%j, a byte a letter) works',
  name => {
    const root = rootTree(SYSTEMD);
    const at = (path: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
    mkdirSync(at('etc/sysctl.d'), { recursive: true });
    writeFileSync(at(`etc/sysctl.d/${name}`), `${KEY} = 0\n`);
    const { changes } = remediate({ root, scope: 1, apply: true });
    expect(changes.map(({ path }) => path)).toContain(`/etc/sysctl.d/${name}`);
    expect(readFileSync(at(`etc/sysctl.d/${name}`), 'latin1')).toBe(`${KEY} = 1\n`);
    expect(readFileSync(at(`etc/sysctl.d/${name}.tracegate-old`), 'latin1')).toBe(`${KEY} = 0\n`);
  },
);

it('follows no link: a link with the name of our file stays, and another name is taken', () => {
  const root = rootTree({ ...SYSTEMD, '/etc/precious': 'precious', [OWN]: '-> ../precious' });
  remediate({ root, scope: 1, apply: true });
  expect(readFileSync(join(root, 'etc/precious'), 'utf8')).toBe('precious');
  const other = join(root, '/etc/sysctl.d/zz-tracegate-ptrace-scope.conf');
  expect(readFileSync(other, 'utf8')).toContain(`${KEY} = 1`);
});
