// @ts-check
// Other auditors on a tree: OpenSCAP with the content of its Debian package, Lynis, and kernel-hardening-checker, as the next Debian
// has them. OpenSCAP and Lynis run in the tree by chroot. /proc/sys is a directory of ordinary files, with 1 as the running value of
// ptrace_scope, as after `sysctl -w`. So what they say of the next boot rests on the tree's files. kernel-hardening-checker reads
// running values alone, as a text of `sysctl -a`.
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageLayers, programsMilliseconds, run, withOverlay } from './make.mjs';

/** @typedef {import('../../test/trees/trees.mjs').Tree} Tree */
/** @typedef {{ verdict: string, milliseconds: number }} Other with the processor time */
/**
 * @typedef {object} Asked
 * @property {Other} [OpenSCAP]
 * @property {Other} [Lynis]
 * @property {Other} checkerAt1 kernel-hardening-checker, for a running value of 1
 * @property {Other} checkerAfterBoot the same, for the value that the boot brings
 */

const RULE = 'xccdf_org.ssgproject.content_rule_sysctl_kernel_yama_ptrace_scope';
const PROFILE = 'xccdf_org.ssgproject.content_profile_cis_level1_server';
/** The content for Debian 11 does not have the rule. @type {Partial<Record<Tree['release'], string>>} */
const CONTENT = { bookworm: 'ssg-debian12-ds.xml', trixie: 'ssg-debian13-ds.xml' };
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
  release: /** @type {const} */ ('forky'),
  packages: ['openscap-scanner', 'ssg-debian', 'lynis', 'kernel-hardening-checker'],
};

/** The other auditors take this tree: Debian's own, with its list of packages. @param {Tree} tree */
export const othersTake = ({ kind }) => kind !== 'transcribed';

/** @param {string} root of the tools @returns {string[]} */
const versions = root =>
  run('chroot', [root, 'dpkg-query', '-W', ...TOOLS.packages])
    .trim()
    .replaceAll('\t', ' ')
    .split('\n');

/** The tools of the next Debian. @param {string} cache */
const toolLayers = cache => packageLayers(cache, TOOLS);

/** Copies the tools that run in the trees to a directory. @param {string} cache @returns {{ directory: string, versions: string[] }} */
export function makeTools(cache) {
  const directory = join(cache, 'tools');
  rmSync(directory, { recursive: true, force: true });
  return withOverlay(toolLayers(cache), join(cache, 'tools-layer'), root => {
    mkdirSync(directory);
    const libraries = run('chroot', [root, 'ldd', '/usr/bin/oscap']);
    for (const [, path = ''] of libraries.matchAll(/(\/\S+) \(0x/g))
      cpSync(join(root, path), join(directory, path.slice(path.lastIndexOf('/') + 1)), { dereference: true });
    cpSync(join(root, 'usr/bin/oscap'), join(directory, 'oscap'));
    for (const content of Object.values(CONTENT))
      cpSync(join(root, 'usr/share/xml/scap/ssg/content', content), join(directory, content));
    for (const path of ['usr/share/openscap', 'usr/share/lynis', 'etc/lynis', 'usr/sbin/lynis'])
      cpSync(join(root, path), join(directory, 'root', path), { recursive: true });
    return { directory, versions: versions(root) };
  });
}

/** @param {string} root @param {string[]} words */
function inTree(root, words) {
  const before = programsMilliseconds();
  const { stdout, stderr, error } = spawnSync('chroot', [root, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  if (error !== undefined) throw error;
  return { text: `${stdout}${stderr}`, milliseconds: programsMilliseconds() - before };
}

/** @param {string} text @param {RegExp} pattern */
const found = (text, pattern) => pattern.exec(text)?.[1] ?? `no answer: ${text.slice(-300)}`;

/**
 * @param {string} cache @param {Tree} tree @param {string[]} layers @param {string} tools
 * @param {string} booted the value that the tree's boot brings
 * @returns {Asked}
 */
export function askOthers(cache, tree, layers, tools, booted) {
  return {
    ...askInTree(cache, tree, layers, tools),
    checkerAt1: askChecker(cache, '1'),
    checkerAfterBoot: askChecker(cache, booted),
  };
}

/** @param {string} cache @param {string} value the running one @returns {Other} */
function askChecker(cache, value) {
  const upper = join(cache, 'others', 'checker');
  const asked = withOverlay(toolLayers(cache), upper, root => {
    const line = value === 'no Yama' ? '' : `kernel.yama.ptrace_scope = ${value}\n`;
    writeFileSync(join(root, 'sysctl-a'), `kernel.ostype = Linux\n${line}`);
    const { text, milliseconds } = inTree(root, ['kernel-hardening-checker', '-s', '/sysctl-a']);
    return { verdict: found(text, /^kernel\.yama\.ptrace_scope .*\| (.*?) *$/m), milliseconds };
  });
  rmSync(upper, { recursive: true, force: true });
  return asked;
}

/** @param {string} cache @param {Tree} tree @param {string[]} layers @param {string} tools @returns {Pick<Asked, 'OpenSCAP' | 'Lynis'>} */
function askInTree(cache, tree, layers, tools) {
  const upper = join(cache, 'others', tree.name);
  const sys = join(cache, 'others', 'sys');
  mkdirSync(join(sys, 'kernel', 'yama'), { recursive: true });
  writeFileSync(join(sys, 'kernel', 'yama', 'ptrace_scope'), '1\n');
  const asked = withOverlay(layers, upper, root => {
    cpSync(tools, join(root, 'oracle'), { recursive: true });
    cpSync(join(tools, 'root'), root, { recursive: true });
    appendFileSync(join(root, 'var/lib/dpkg/status'), LINUX_BASE);
    run('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
    try {
      run('mount', ['--bind', sys, join(root, 'proc/sys')]);
      const content = CONTENT[tree.release];
      return {
        ...(content !== undefined && { OpenSCAP: askOpenScap(root, content) }),
        ...(ASK_LYNIS.includes(tree.name) && { Lynis: askLynis(root) }),
      };
    } finally {
      run('umount', ['-R', '-l', join(root, 'proc')]);
    }
  });
  rmSync(upper, { recursive: true, force: true });
  return asked;
}

/** @param {string} root @param {string} content @returns {Other} */
function askOpenScap(root, content) {
  const oscap = ['/oracle/ld-linux-x86-64.so.2', '--library-path', '/oracle', '/oracle/oscap'];
  const words = ['xccdf', 'eval', '--profile', PROFILE, '--rule', RULE, `/oracle/${content}`];
  const { text, milliseconds } = inTree(root, [...oscap, ...words]);
  return { verdict: found(text, /^Result\s+(\w+)/m), milliseconds };
}

/** @param {string} root @returns {Other} */
function askLynis(root) {
  const words = ['audit', 'system', '--no-colors', '--quick', '--tests', 'KRNL-6000'];
  const { text, milliseconds } = inTree(root, ['lynis', ...words]);
  return { verdict: found(text, /kernel\.yama\.ptrace_scope .*\[ (\w+) \]/), milliseconds };
}
