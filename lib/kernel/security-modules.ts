import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { native } from './native.js';
import { isSystemError, textOf } from './proc-files.js';

export interface SecurityModules {
  /** Those that run, in the kernel's order; null where neither securityfs nor lsm_list_modules(2) tells. */
  lsms: string[] | null;
  /** Where the list isn't seen: which of those that have a say about tracing are known not to run. */
  lsmsRuledOut: string[];
}

/** include/uapi/linux/lsm.h, from 100 on; by the names that securityfs gives them. */
const NAMES_FROM_100 = [
  ...['capability', 'selinux', 'smack', 'tomoyo', 'apparmor', 'yama', 'loadpin', 'safesetid', 'lockdown'],
  ...['bpf', 'landlock', 'ima', 'evm', 'ipe'],
];

const nameOf = (id: number): string => NAMES_FROM_100[id - 100] ?? `module ${id}`;

/** Null where securityfs isn't mounted, as in containers. */
function listedByFile(): string[] | null {
  const names = textOf('/sys/kernel/security/lsm')?.split(',');
  // There is always this one: an empty file would be a mask over it.
  return names?.includes('capability') ? names : null;
}

/** From Linux 6.8, unless a seccomp filter keeps us from it. */
function listedByCall(): string[] | null {
  const ids = native().securityModules();
  return typeof ids === 'number' ? null : ids.map(nameOf);
}

/** The file systems that this kernel has registered; null where they aren't seen. */
function fileSystems(): string[] | null {
  const names = textOf('/proc/filesystems')?.split(/\s+/);
  // As above: it was read from one of that type.
  return names?.includes('proc') ? names : null;
}

const isFrom = (major: number, minor: number): boolean => {
  const [ours = 0, oursMinor = 0] = release().split('.').map(Number);
  return ours > major || (ours === major && oursMinor >= minor);
};

/**
 * AppArmor's own file is there wherever it is built in, from 5.8 on, and answers EINVAL where it doesn't run.
 *
 * Kernel: fs/proc/base.c, attr_dir_stuff; security/security.c, security_getprocattr()
 */
function isAppArmorRuledOut(): boolean {
  try {
    readFileSync('/proc/self/attr/apparmor/current');
    return false;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'EINVAL') return true;
    return error.code === 'ENOENT' && isFrom(5, 8) && textOf('/proc/self/stat') !== null;
  }
}

/**
 * Without the list each module that has a say about tracing, and shows, is looked for by itself: those that don't run.
 *
 * Kernel: security/selinux/selinuxfs.c, init_sel_fs(), and security/smack/smackfs.c, init_smk_fs(), register theirs only
 * where the module runs
 */
export function modulesRuledOut(): string[] {
  const types = fileSystems();
  const isWithout = (type: string) => types !== null && !types.includes(type);
  const all: [string, boolean][] = [
    ['apparmor', isAppArmorRuledOut()],
    ['selinux', isWithout('selinuxfs')],
    ['smack', isWithout('smackfs')],
    ['landlock', native().landlockRuns() === 0],
  ];
  return all.filter(([, isOut]) => isOut).map(([name]) => name);
}

export function readSecurityModules(): SecurityModules {
  const lsms = listedByFile() ?? listedByCall();
  return { lsms, lsmsRuledOut: lsms === null ? modulesRuledOut() : [] };
}
