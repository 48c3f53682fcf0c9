// @ts-check
// Other auditors on a tree: OpenSCAP with the content of its Debian package, and Lynis, both of Debian 13. They run in the tree by
// chroot. /proc/sys is a directory of ordinary files, with 1 as the running value of ptrace_scope, as after `sysctl -w`. So what
// they say of the next boot rests on the tree's files.
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageLayers, run, withOverlay } from './make.mjs';

/** @typedef {import('../../test/trees/trees.mjs').Tree} Tree */
/** @typedef {{ verdict: string, milliseconds: number }} Other */
/** @typedef {{ OpenSCAP: Other, Lynis?: Other }} Asked */

const RULE = 'xccdf_org.ssgproject.content_rule_sysctl_kernel_yama_ptrace_scope';
/** The content of ssg-debian of Debian 13 has the rule in a profile for this release alone. @type {Partial<Record<Tree['release'], [content: string, profile: string]>>} */
const CONTENT = {
  bookworm: ['ssg-debian12-ds.xml', 'xccdf_org.ssgproject.content_profile_anssi_bp28_enhanced'],
};
/** The rule applies to a system with a kernel, which the content tells by this package. */
const LINUX_BASE = `
Package: linux-base
Status: install ok installed
Maintainer: nobody
Architecture: all
Version: 4.9
Description: for OpenSCAP
`;

/** Lynis takes a minute, and looks at no file: these trees are enough. */
const ASK_LYNIS = ['bookworm-systemd', 'bookworm-systemd-1', 'bookworm-systemd-conf'];

const TOOLS = {
  release: /** @type {const} */ ('trixie'),
  packages: ['openscap-scanner', 'ssg-debian', 'lynis'],
};

/** The other auditors take this tree: Debian's own, with its list of packages. @param {Tree} tree */
export const othersTake = ({ kind, release }) => kind !== 'transcribed' && CONTENT[release] !== undefined;

/** @param {string} root of the tools @returns {string[]} */
const versions = root =>
  run('chroot', [root, 'dpkg-query', '-W', ...TOOLS.packages])
    .trim()
    .replaceAll('\t', ' ')
    .split('\n');

/** Copies the tools to a directory. @param {string} cache @returns {{ directory: string, versions: string[] }} */
export function makeTools(cache) {
  const directory = join(cache, 'tools');
  rmSync(directory, { recursive: true, force: true });
  return withOverlay(packageLayers(cache, TOOLS), join(cache, 'tools-layer'), root => {
    mkdirSync(directory);
    const libraries = run('chroot', [root, 'ldd', '/usr/bin/oscap']);
    for (const [, path = ''] of libraries.matchAll(/(\/\S+) \(0x/g))
      cpSync(join(root, path), join(directory, path.slice(path.lastIndexOf('/') + 1)), { dereference: true });
    cpSync(join(root, 'usr/bin/oscap'), join(directory, 'oscap'));
    for (const [content] of Object.values(CONTENT))
      cpSync(join(root, 'usr/share/xml/scap/ssg/content', content), join(directory, content));
    for (const path of ['usr/share/openscap', 'usr/share/lynis', 'etc/lynis', 'usr/sbin/lynis'])
      cpSync(join(root, path), join(directory, 'root', path), { recursive: true });
    return { directory, versions: versions(root) };
  });
}

/** @param {string} root @param {string[]} words */
function inTree(root, words) {
  const begin = performance.now();
  const { stdout, stderr, error } = spawnSync('chroot', [root, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  if (error !== undefined) throw error;
  return { text: `${stdout}${stderr}`, milliseconds: Math.round(performance.now() - begin) };
}

/** @param {string} text @param {RegExp} pattern */
const found = (text, pattern) => pattern.exec(text)?.[1] ?? `no answer: ${text.slice(-300)}`;

/**
 * @param {string} cache @param {Tree} tree @param {string[]} layers @param {string} tools
 * @returns {Asked}
 */
export function askOthers(cache, tree, layers, tools) {
  const upper = join(cache, 'others', tree.name);
  const sys = join(cache, 'others', 'sys');
  mkdirSync(join(sys, 'kernel', 'yama'), { recursive: true });
  writeFileSync(join(sys, 'kernel', 'yama', 'ptrace_scope'), '1\n');
  const [content, profile] = CONTENT[tree.release] ?? ['', ''];
  const asked = withOverlay(layers, upper, root => {
    cpSync(tools, join(root, 'oracle'), { recursive: true });
    cpSync(join(tools, 'root'), root, { recursive: true });
    appendFileSync(join(root, 'var/lib/dpkg/status'), LINUX_BASE);
    run('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
    try {
      run('mount', ['--bind', sys, join(root, 'proc/sys')]);
      const oscap = ['/oracle/ld-linux-x86-64.so.2', '--library-path', '/oracle', '/oracle/oscap'];
      const scap = inTree(root, [
        ...[...oscap, 'xccdf', 'eval', '--profile', profile, '--rule', RULE, `/oracle/${content}`],
      ]);
      const openscap = {
        verdict: found(scap.text, /^Result\s+(\w+)/m),
        milliseconds: scap.milliseconds,
      };
      if (!ASK_LYNIS.includes(tree.name)) return { OpenSCAP: openscap };
      const lynis = inTree(root, [
        'lynis',
        'audit',
        'system',
        '--no-colors',
        '--quick',
        '--tests',
        'KRNL-6000',
      ]);
      return {
        OpenSCAP: openscap,
        Lynis: {
          verdict: found(lynis.text, /kernel\.yama\.ptrace_scope .*\[ (\w+) \]/),
          milliseconds: lynis.milliseconds,
        },
      };
    } finally {
      run('umount', ['-R', '-l', join(root, 'proc')]);
    }
  });
  rmSync(upper, { recursive: true, force: true });
  return asked;
}
