import { accessSync, constants, readlinkSync, statSync } from 'node:fs';
import { isSystemError, textOf } from '../../kernel/proc-files.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import type { BootLoading } from '../boot/loading.js';
import { treeYama } from '../boot/tree-yama.js';
import type { FileTree } from '../tree/file-tree.js';
import { osRelease } from '../tree/os-release.js';
import { placeOf } from '../tree/overlay.js';
import { OWN_FILES } from './edits.js';
import { type Instead, inContainerfile, onTheHost, PLATFORMS } from './platforms.js';

/** Why a change of files makes no sense for this system, and what to do instead. */
export interface Refusal {
  /** What the system is, such as `NixOS`. */
  system: string;
  because: string;
  instead: Instead | null;
}

const ETC = '/etc';
const STORE = /^\/(nix|gnu)\/store\//;
/** Where ostree-prepare-root(1) looks, the first file first. */
const PREPARE_ROOT = ['/etc/ostree/prepare-root.conf', '/usr/lib/ostree/prepare-root.conf'];

/** True if each boot of an ostree or bootc system begins with the /etc of the image: `transient` in the section `[etc]`. */
function hasTransientEtc(tree: FileTree): boolean {
  const texts = PREPARE_ROOT.map(path => tree.read(path));
  const text = texts.find(content => content.kind === 'text')?.text ?? '';
  const section = /^\s*\[etc\]\s*$([^[]*)/m.exec(text)?.[1] ?? '';
  return /^\s*transient\s*=\s*(true|yes|1)\s*$/im.test(section);
}

/** The file systems of a mount that are gone with the next boot. */
const VOLATILE = ['tmpfs', 'ramfs', 'rootfs'];

interface Mount {
  point: string;
  type: string;
  options: string;
}

/** Kernel: fs/proc_namespace.c, show_mountinfo() */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    const [before = '', after] = line.split(' - ');
    const [type, , options] = after?.split(' ') ?? [];
    const point = before.split(' ')[4];
    return point === undefined || type === undefined ? [] : [{ point, type, options: options ?? '' }];
  });
}

/** The mount that has a path: a later mount hides an earlier one. */
const mountOf = (mounts: readonly Mount[], path: string): Mount | undefined =>
  mounts
    .filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`))
    .reduce<Mount | undefined>(
      (best, one) => (best && best.point.length > one.point.length ? best : one),
      undefined,
    );

/** Why what is written to /etc is gone with the next boot; null if it stays. */
export function volatileEtc(mounts: readonly Mount[]): string | null {
  const mount = mountOf(mounts, ETC);
  if (mount === undefined) return null;
  if (VOLATILE.includes(mount.type)) return `${ETC} is on a ${mount.type}`;
  const upper = mount.type === 'overlay' ? /(?:^|,)upperdir=([^,]+)/.exec(mount.options)?.[1] : undefined;
  const below = upper === undefined ? undefined : mountOf(mounts, upper);
  if (upper === undefined || below === undefined || !VOLATILE.includes(below.type)) return null;
  return `${ETC} is an overlay that writes to ${upper}, a ${below.type}`;
}

/** include/linux/proc_ns.h: PROC_PID_INIT_INO and PROC_USER_INIT_INO */
const INITIAL_NAMESPACES = { pid: 'pid:[4026531836]', user: 'user:[4026531837]' };
/** Files that container engines make. */
const MARKS = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'];

function linkText(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

function hasRootOfInit(): boolean {
  try {
    const [own, init] = [statSync('/'), statSync('/proc/1/root/.')];
    return own.dev === init.dev && own.ino === init.ino;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** Why this process is in a container, whose files the host's boot doesn't read; null if it isn't, or that is not seen. */
function inContainer(tree: FileTree): string | null {
  for (const [kind, initial] of Object.entries(INITIAL_NAMESPACES)) {
    const own = linkText(`/proc/self/ns/${kind}`);
    if (own !== null && own !== initial) return `its ${kind} namespace is not the host's`;
  }
  const mark = MARKS.find(path => tree.resolve(path).kind === 'file');
  return mark !== undefined && !hasRootOfInit() ? `${mark} is there, and process 1 has another root` : null;
}

function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    if (isSystemError(error)) return error.code === 'EROFS';
    throw error;
  }
}

/** What only a running system shows. */
function liveRefusal(tree: FileTree, scope: PtraceScopeValue): Refusal | null {
  const container = inContainer(tree);
  if (container !== null) {
    const because = `${container}; ptrace_scope is the host's, and a container has none of its own`;
    return { system: 'a container', because, instead: onTheHost(scope) };
  }
  const mounts = parseMountinfo(textOf('/proc/self/mountinfo') ?? '');
  const image = 'change the image that this system boots from';
  const gone = volatileEtc(mounts);
  if (gone !== null)
    return {
      system: 'a system with a volatile /etc',
      because: `${gone}: the next boot begins without it; ${image}`,
      instead: null,
    };
  if (isReadOnly(ETC))
    return {
      system: 'a system with a read-only /etc',
      because: `${ETC} is on a read-only file system; ${image}`,
      instead: null,
    };
  return null;
}

/** Why the next boot may have no ptrace_scope that a file could set. */
function withoutYama(tree: FileTree): Refusal | null {
  const yama = treeYama(tree);
  if (yama === null || yama.isThere === true) return null;
  const remedy = 'add yama to lsm=, or take another kernel, first';
  if (yama.isThere === 'unknown')
    return {
      system: 'a system that may boot without Yama',
      because: `${yama.because}; ${remedy}`,
      instead: null,
    };
  const because = `${yama.file}: Yama is not built in (CONFIG_SECURITY_YAMA), or not in the list (CONFIG_LSM, lsm=); ${remedy}`;
  return { system: 'a system that boots without Yama', because, instead: null };
}

/** Decides by facts whether files of /etc set the value of this system at its next boot. @returns null if they do */
export function refusalOf(
  tree: FileTree,
  loading: BootLoading,
  isLive: boolean,
  scope: PtraceScopeValue,
): Refusal | null {
  const os = osRelease(tree);
  const platform = PLATFORMS[os?.id ?? ''];
  if (platform !== undefined)
    return { system: platform.name, because: platform.because, instead: platform.instead(scope) };
  if (hasTransientEtc(tree)) {
    const because = 'each boot begins with the /etc of the image: etc.transient in prepare-root.conf';
    return { system: 'an image with a transient /etc', because, instead: inContainerfile(scope) };
  }
  const found = isLive ? liveRefusal(tree, scope) : null;
  if (found !== null) return found;
  const place = placeOf(tree, OWN_FILES[0] as string);
  if (STORE.test(place))
    return {
      system: 'a system with a generated /etc',
      because: `/etc/sysctl.d leads to ${place}, which a program makes`,
      instead: null,
    };
  if (loading.state !== 'nothing-loads') return withoutYama(tree);
  const because = `nothing reads the files of sysctl.d at boot: ${loading.because}; a container has the value of its host`;
  return { system: os?.name ?? 'this tree', because, instead: null };
}
