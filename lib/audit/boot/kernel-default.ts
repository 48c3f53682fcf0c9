import type { FileTree } from '../tree/file-tree.js';

/** A value that the kernel itself begins with, and how this is known. */
export interface KernelDefault {
  value: string;
  because: string;
}

interface Kernels {
  name: string;
  /** The release names of these kernels, as uname -r prints them. */
  release: RegExp;
  /** The distributions in ID or ID_LIKE of os-release; null if the release name is nobody else's. */
  distributions: readonly string[] | null;
  value: '0' | '1';
  source: string;
}

const MAINLINE = 'security/yama/yama_lsm.c: YAMA_SCOPE_RELATIONAL';

/** The kernels whose sources were read. Mainline begins with 1, and of the distributions that were read only Debian changes this. */
const KERNELS: readonly Kernels[] = [
  {
    name: 'Debian',
    release:
      /^\d+\.\d+\.\d+(?:-\d+|-0\.(?:deb|bpo)[\d.]+|\+(?:deb|bpo)[\d+]*)-(?:(?:cloud|rt|sonic)-)?(?:amd64|arm64|armmp(?:-lpae)?|686(?:-pae)?|powerpc64le|s390x|riscv64)$/,
    distributions: ['debian'],
    value: '0',
    source: 'debian/patches/debian/yama-disable-by-default.patch; measured on linux.uml 6.1.176',
  },
  {
    name: 'Ubuntu',
    release: /^\d+\.\d+\.\d+-\d{1,4}-[a-z][a-z0-9-]*$/,
    distributions: ['ubuntu'],
    value: '1',
    source: `${MAINLINE}, unchanged in Ubuntu's tree`,
  },
  {
    name: 'Fedora',
    release: /\.fc\d+\.\w+$/,
    distributions: null,
    value: '1',
    source:
      'Fedora change proposal for ptrace_scope: the kernel begins with 1, elfutils-default-yama-scope sets 0',
  },
  {
    name: 'RHEL and its rebuilds',
    release: /\.el\d+\w*\.\w+$/,
    distributions: null,
    value: '1',
    source: `${MAINLINE}, unchanged in ctrliq/kernel-src-tree (Rocky Linux)`,
  },
  {
    name: 'Arch Linux',
    release: /^\d+\.\d+(?:\.\d+)?-(?:arch\d+-\d+|\d+-lts|zen\d+-\d+-zen)$/,
    distributions: ['arch'],
    value: '1',
    source: 'ArchWiki, Security, ptrace scope: enabled by default',
  },
  {
    name: 'Alpine Linux',
    release: /^\d+\.\d+\.\d+-\d+-(?:lts|virt)$/,
    distributions: ['alpine'],
    value: '1',
    source: 'alpinelinux/aports, main/linux-lts: no patch of Yama',
  },
  {
    name: 'openSUSE',
    release: /^\d+\.\d+\.\d+.*-(?:default|longterm|kvmsmall)$/,
    distributions: ['opensuse', 'suse'],
    value: '1',
    source:
      'openSUSE/aaa_base, aaa_base.spec: Yama restricts ptrace by default, aaa_base-yama-enable-ptrace sets 0',
  },
  {
    name: 'Void',
    release: /^\d+\.\d+\.\d+_\d+$/,
    distributions: ['void'],
    value: '1',
    source: 'void-linux/void-packages, srcpkgs/linux*/patches: no patch of Yama',
  },
  {
    name: 'Photon OS',
    release: /\.ph\d+(?:-\w+)?$/,
    distributions: null,
    value: '1',
    source: 'vmware/photon, SPECS/linux: no patch of Yama',
  },
];

const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];
const MODULES = ['/lib/modules', '/usr/lib/modules'];
const IMAGE = /^(?:vmlinu[xz]|config|Image)-(\d.*)$/;

/**
 * The value that a key has before anything sets it. Null: the kernels of the tree are not known, or they differ.
 *
 * @param key the path below /proc/sys
 * @param running the release of the running kernel; null for a tree that doesn't run
 */
export function kernelDefault(tree: FileTree, key: string, running: string | null): KernelDefault | null {
  // Linux: fs/exec.c or fs/coredump.c, suid_dumpable
  if (key === 'fs/suid_dumpable') return { value: '0', because: 'every kernel begins with 0' };
  if (key !== 'kernel/yama/ptrace_scope') return null;
  const distributions = distributionsOf(tree);
  // A virtual machine may get its kernel from outside.
  const all = [...new Set([...releases(tree), ...(running === null ? [] : [running])])];
  const known = all.map(release => ({
    release,
    kernels: KERNELS.find(
      one =>
        one.release.test(release) &&
        (one.distributions === null || one.distributions.some(id => distributions.includes(id))),
    ),
  }));
  const [first] = known;
  if (first?.kernels === undefined || known.some(({ kernels }) => kernels?.value !== first.kernels?.value))
    return null;
  const { name, value, source } = first.kernels;
  return { value, because: `kernel ${first.release} of ${name} begins with ${value} (${source})` };
}

/** ID and ID_LIKE. man os-release(5) */
function distributionsOf(tree: FileTree): string[] {
  const content = OS_RELEASE.map(path => tree.read(path)).find(({ kind }) => kind === 'text');
  if (content?.kind !== 'text') return [];
  return [...content.text.matchAll(/^(?:ID|ID_LIKE)=["']?([^"'\n]*)/gm)].flatMap(([, value = '']) =>
    value.trim().split(/\s+/),
  );
}

/** The releases of the kernels in /boot, and of those with modules. */
function releases(tree: FileTree): string[] {
  const names = (directory: string) => {
    const listing = tree.list(directory);
    return listing.kind === 'names' ? listing.names.sort() : [];
  };
  const images = names('/boot').flatMap(name => IMAGE.exec(name)?.[1] ?? []);
  const modules = MODULES.flatMap(directory =>
    names(directory).filter(name => tree.resolve(`${directory}/${name}/kernel`).kind === 'directory'),
  );
  return [...new Set([...images, ...modules])];
}
