// `remediate --apply` and `--undo` on random trees with owners, modes, ACLs and labels: find(1), sha256sum(1) and
// getfattr(1) say what a tree is, and Debian's loaders say what it sets.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remediate, undoRemediation } from '../../lib/audit/index.js';
import { Random } from '../differential/random.js';
import { MAIN, tracegate, validated } from '../helpers/cli.js';
import { IS_ROOT } from '../helpers/processes.js';
import { type Files, rootTree, SYSTEMD, withSystemd } from '../helpers/root-tree.js';
import { SEED, times } from '../helpers/tier.js';
import type { Mode } from '../sysctl/compare.js';
import { generateTree } from '../sysctl/generate.js';
import { Nursery } from '../sysctl/run.js';

const KEY = 'kernel.yama.ptrace_scope';
const OWN = '/etc/sysctl.d/99-tracegate-ptrace-scope.conf';
const RECORD = '/etc/tracegate-remediate.json';
const CONSENTS = { allowIrreversible: true, allowDowngrade: true };
const LOADERS = ['systemd-sysctl', 'procps'] as const;

function shell(script: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, ...words], {
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** Names, kinds, modes, owners, targets, texts and extended attributes, without what the loaders write. */
const stateOf = (root: string) =>
  shell(
    `cd "$0" && find . -path ./proc -prune -o -path ./oracle -prune -o -printf '%p %y %m %U %G %l\\0' | LC_ALL=C sort -z | tr '\\0' '\\n'
     find etc usr lib data run -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 -r sha256sum
     find etc usr lib data run -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 -r getfattr -h -d -m - --`,
    root,
  );

/** Owner, mode and attributes of one file. */
/** @param path in latin1, as paths of a plan are: a word of the shell has to be UTF-8 until printf makes bytes of it */
const attributesOf = (root: string, path: string) =>
  shell(
    `cd "$0" && file=$(printf '%b' "$1") && stat -c '%a %u %g' -- "$file" && getfattr -d -m - -- "$file"`,
    root,
    `.${path.replace(/[^ -~]|\\/g, letter => `\\0${letter.charCodeAt(0).toString(8)}`)}`,
  );

/** Each file gets something of its own. Labels and capabilities are attributes as others are, for a kernel without SELinux. */
function decorate(root: string): void {
  shell(
    `cd "$0" && find etc usr data -type f 2>/dev/null | while read -r file; do
       setfattr -n user.origin -v "$file" -- "$file"
       setfattr -n security.selinux -v system_u:object_r:etc_t:s0 -- "$file"
       setfattr -n trusted.x -v y -- "$file"
       setfacl -m u:4711:r -- "$file"
       chmod 640 -- "$file"
       chown 4712:4713 -- "$file"
     done`,
    root,
  );
}

const isOfPackages = (line: string) => /(?:^| )(?:\.\/)?(?:usr\/(?!local\/)|lib\/)/.test(line);
const ofPackages = (state: string) => state.split('\n').filter(isOfPackages);

describe.skipIf(!IS_ROOT)('random trees (for root: chroot, chown, trusted attributes)', () => {
  let nursery: Nursery;
  beforeAll(() => {
    nursery = new Nursery();
  });
  afterAll(() => nursery.clear());

  /** A value of 3 can't be undone, so that trees which may ask for it need a boot each. */
  const SUITES: [name: string, mode: Mode, count: number, scopes: readonly (1 | 2 | 3)[]][] = [
    ['in one kernel', 'kernel', times(12, 600), [1, 2]],
    ['with a boot each', 'boots', times(2, 30), [3, 1, 2]],
  ];

  it.each(SUITES)(
    `%s (seed ${SEED}): the loaders bring what was asked, files of packages and the attributes of all files stay, and an undo gives the same tree`,
    (name, mode, count, scopes) => {
      const trees = Array.from({ length: count }, (_, at) =>
        withSystemd(generateTree(new Random(SEED, 'remediate', name, at), { without3: mode === 'kernel' })),
      );
      const directories =
        mode === 'boots' ? trees.flatMap(tree => nursery.plant([tree])) : nursery.plant(trees);
      const remedied: { at: number; root: string; scope: 1 | 2 | 3; before: string }[] = [];
      for (const [at, directory] of directories.entries()) {
        const [root, scope] = [join(directory, 'root'), scopes[at % scopes.length]!];
        decorate(root);
        const before = stateOf(root);
        try {
          const plan = remediate({ root, scope });
          const old = plan.changes.filter(change => change.before !== null).map(({ path }) => path);
          const attributes = old.map(path => attributesOf(root, path));
          remediate({ root, scope, apply: true, ...CONSENTS });
          expect(old.map(path => attributesOf(root, path))).toEqual(attributes);
          expect(ofPackages(stateOf(root))).toEqual(ofPackages(before));
          remedied.push({ at, root, scope, before });
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_TRACEGATE_REMEDIATE' });
          expect(stateOf(root)).toBe(before);
        }
        // As a boot does.
        shell('mv "$0/run" "$0/../run" && mkdir "$0/run"', root);
      }
      // Of a hundred random trees about 80 can be remedied.
      expect(remedied.length).toBeGreaterThanOrEqual(count / 2);
      const linesOf = (root: string) => stateOf(root).split('\n');
      const unloaded = new Map(remedied.map(({ root }) => [root, new Set(linesOf(root))]));
      if (mode === 'boots') for (const directory of directories) nursery.load([directory], mode);
      else nursery.load(directories, mode);
      const valuesAt = (at: number) =>
        LOADERS.map(loader => readFileSync(join(directories[at]!, `${loader}.value`), 'utf8').trim());
      expect(remedied.map(({ at }) => ({ at, values: valuesAt(at) }))).toEqual(
        remedied.map(({ at, scope }) => ({ at, values: [`${scope}`, `${scope}`] })),
      );
      for (const { at, root, before } of remedied) {
        // A loader makes a file where a random key leads out of /proc/sys.
        const ofLoaders = new Set(linesOf(root).filter(line => !unloaded.get(root)!.has(line)));
        shell('rmdir "$0/run" && mv "$0/../run" "$0/run"', root);
        if (existsSync(join(root, RECORD))) undoRemediation({ root, apply: true });
        const state = linesOf(root).filter(line => !ofLoaders.has(line));
        expect({ at, state }).toEqual({ at, state: before.split('\n') });
      }
    },
  );
});

const FILES: Files = {
  ...SYSTEMD,
  '/etc/sysctl.conf': `a.b = 1\n${KEY} = 0\n`,
  '/etc/ufw/x': '',
};
const apply = (root: string, scope: 1 | 2) => remediate({ root, scope, apply: true, allowDowngrade: true });

describe('undo', () => {
  it('after runs to several values gives the tree before the first, without the directory that was made', async () => {
    const root = rootTree(FILES);
    const before = stateOf(root);
    for (const scope of [1, 2, 1] as const) apply(root, scope);
    expect(readFileSync(join(root, '/etc/sysctl.conf.tracegate-old'), 'utf8')).toBe(
      FILES['/etc/sysctl.conf'],
    );
    const asked = ['remediate', '--undo', '--root', root];
    const plan = await tracegate([...asked, '--json']);
    expect(plan.code).toBe(1);
    expect(validated('remediate-undo', plan.stdout)).toMatchObject({
      restored: [join(root, '/etc/sysctl.conf')],
      removed: [join(root, OWN), join(root, RECORD)],
      applied: false,
    });
    const done = await tracegate([...asked, '--apply']);
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('Undone.') });
    expect(stateOf(root)).toBe(before);
    expect(await tracegate(asked)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('nothing to undo'),
    });
  });

  it.each(['/etc/sysctl.conf', OWN])('refuses if %s was changed since, and changes nothing', path => {
    const root = rootTree(FILES);
    apply(root, 1);
    writeFileSync(join(root, path), '# mine\n');
    const before = stateOf(root);
    expect(() => undoRemediation({ root, apply: true })).toThrow(/was changed after.*nothing is changed/);
    expect(stateOf(root)).toBe(before);
  });

  it('a file that the administrator edited between two runs comes back as edited', () => {
    const root = rootTree(FILES);
    apply(root, 1);
    writeFileSync(join(root, '/etc/sysctl.conf'), `c.d = 1\n${KEY} = 0\n`);
    apply(root, 2);
    undoRemediation({ root, apply: true });
    expect(readFileSync(join(root, '/etc/sysctl.conf'), 'utf8')).toBe(`c.d = 1\n${KEY} = 0\n`);
  });

  it('a record that is none is named, and neither run nor undo changes anything', () => {
    const root = rootTree({ ...FILES, [RECORD]: '{"schemaVersion":1,"changes":[{"path":"../x"}]}' });
    const before = stateOf(root);
    for (const act of [() => apply(root, 1), () => undoRemediation({ root, apply: true })])
      expect(act).toThrow(/tracegate-remediate.json is no record/);
    expect(stateOf(root)).toBe(before);
  });

  const CALLS = 'mkdir,rmdir,fchown,fchmod,link,linkat,rename,renameat,renameat2,unlink,unlinkat';

  /** Runs under strace, which kills the process before its nth call of a name. */
  function traced(words: string[], root: string, inject: string[] = []): string[] {
    const log = join(root, '../strace');
    const strace = ['-f', '-qq', '-o', log, '-e', `trace=${CALLS}`, ...inject];
    spawnSync('strace', [...strace, process.execPath, MAIN, 'remediate', ...words]);
    return readFileSync(log, 'utf8')
      .split('\n')
      .flatMap(line => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? []);
  }

  it.each<[string, boolean]>([
    ['a run', false],
    ['an undo', true],
  ])(
    'kill -9 of %s before each call that changes something: an undo then gives the tree before',
    (_, ofUndo) => {
      const wordsOf = (root: string) =>
        ofUndo ? ['--undo', '--apply', '--root', root] : ['--scope', '1', '--apply', '--root', root];
      const prepared = () => {
        const root = rootTree(FILES);
        const before = stateOf(root);
        if (ofUndo) apply(root, 1);
        return { root, before };
      };
      const first = prepared();
      const calls = traced(wordsOf(first.root), first.root);
      expect(calls.length).toBeGreaterThan(3);
      for (const [at, name] of calls.entries()) {
        const { root, before } = prepared();
        const nth = calls.slice(0, at + 1).filter(call => call === name).length;
        expect(traced(wordsOf(root), root, ['-e', `inject=${name}:signal=SIGKILL:when=${nth}`])).toHaveLength(
          at + 1,
        );
        if (existsSync(join(root, RECORD))) undoRemediation({ root, apply: true });
        // A file that a killed writer left ends with the next run.
        shell('find "$0" -name ".tracegate-*.tracegate-new" -delete', root);
        expect({ at, name, state: stateOf(root) }).toEqual({ at, name, state: before });
      }
    },
  );
});

describe('a new file', () => {
  it('is readable by all, also with a strict umask', () => {
    const root = rootTree(SYSTEMD);
    const words = [MAIN, 'remediate', '--root', root, '--scope', '1', '--apply'];
    shell('umask 077; exec "$@"', 'sh', process.execPath, ...words);
    const modes = [OWN, '/etc/sysctl.d'].map(path => statSync(join(root, path)).mode & 0o777);
    expect(modes).toEqual([0o644, 0o755]);
  });

  it('gets what the default ACL of its directory gives', () => {
    const root = rootTree(SYSTEMD);
    const directory = join(root, 'etc/sysctl.d');
    mkdirSync(directory);
    shell('setfacl -d -m u::rw,g::-,o::-,u:4711:r "$0"', directory);
    apply(root, 1);
    writeFileSync(join(directory, 'other'), '', { mode: 0o644 });
    const aclOf = (path: string) => shell('getfacl -cE --absolute-names "$0"', path);
    expect(aclOf(join(root, OWN))).toBe(aclOf(join(directory, 'other')));
    expect(aclOf(join(root, OWN))).toContain('user:4711:r--');
  });
});
