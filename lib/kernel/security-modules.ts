import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { native } from './native.js';
import { isSystemError, textOf } from './proc-files.js';
import { readProcStatus } from './proc-status.js';

export interface SecurityModules {
  /** The active modules, in the kernel's order. Null where neither securityfs nor lsm_list_modules(2) shows them. */
  lsms: string[] | null;
  /** Where the list isn't seen: the modules with rules for tracing that surely aren't active. */
  lsmsRuledOut: string[];
}

/** include/uapi/linux/lsm.h, from 100 on, by the names in securityfs. */
const NAMES_FROM_100 = [
  ...['capability', 'selinux', 'smack', 'tomoyo', 'apparmor', 'yama', 'loadpin', 'safesetid', 'lockdown'],
  ...['bpf', 'landlock', 'ima', 'evm', 'ipe'],
];

const nameOf = (id: number): string => NAMES_FROM_100[id - 100] ?? `module ${id}`;

/** Null where securityfs isn't mounted, as in containers. */
function listedByFile(): string[] | null {
  const names = textOf('/sys/kernel/security/lsm')?.split(',');
  // The module `capability` is always active. Without it something else is mounted over the file.
  return names?.includes('capability') ? names : null;
}

/** From Linux 6.8 on, unless a seccomp filter refuses the call. */
function listedByCall(): string[] | null {
  const ids = native().securityModules();
  return typeof ids === 'number' ? null : ids.map(nameOf);
}

/** The file systems that this kernel has registered; null where they aren't seen. */
function fileSystems(): string[] | null {
  const names = textOf('/proc/filesystems')?.split(/\s+/);
  // The file itself is on a file system of type `proc`, so the list always has it.
  return names?.includes('proc') ? names : null;
}

const isFrom = (major: number, minor: number): boolean => {
  const [ours = 0, oursMinor = 0] = release().split('.').map(Number);
  return ours > major || (ours === major && oursMinor >= minor);
};

/**
 * From 5.8 on, AppArmor's own file exists wherever AppArmor is built in. It answers EINVAL where AppArmor isn't active.
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
 * Without the kernel's list, each module with rules for tracing is looked for separately. Returns the modules that surely
 * aren't active.
 *
 * Kernel: security/selinux/selinuxfs.c, init_sel_fs(), and security/smack/smackfs.c, init_smk_fs(), register their file
 * systems only where the module is active
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

/** In how many Landlock domains this thread is, each within the one before. Null where that can't be found out. */
export function ownLandlockDomains(): number | null {
  const count = native().landlockDomains();
  return count < 0 ? null : count;
}

/** Whether this thread is in a Landlock domain, or may be in one. Without CAP_SYS_ADMIN nobody enters one but by no_new_privs. */
export function mayBeInLandlockDomain(): boolean {
  const count = ownLandlockDomains();
  if (count !== null) return count > 0;
  const { lsms, lsmsRuledOut } = readSecurityModules();
  const mayRun = lsms !== null ? lsms.includes('landlock') : !lsmsRuledOut.includes('landlock');
  const self = readProcStatus(process.pid);
  return mayRun && (self.state !== 'seen' || self.facts.noNewPrivs !== false);
}

/**
 * The running processes that this thread has started in a Landlock domain, by pid, with their start times. A process that
 * says of itself that it is confined isn't among them.
 */
export const confinedProcesses = new Map<number, number>();
