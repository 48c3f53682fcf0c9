import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import bindings from 'bindings';
import { TracegateError } from '../errors.js';
import { isError } from '../is-error.js';
import { packagePath } from '../package-files.js';
import { addonPath, addonPaths } from './native-files.js';

/** native/addon/process_table_call.h */
export interface NativePortion {
  rows: Float64Array;
  profiles: Float64Array;
  strings: string[];
}

export interface NativeTable {
  /** The number of processes in the table, including those that have ended. */
  count: number;
  /** Returns null after the last portion. */
  next(): NativePortion | null;
  close(): void;
}

/** native/addon/access_events_call.h */
export interface NativeEvents {
  take(): { rows: Float64Array; names: string[] } | number;
  unref(): void;
  close(): void;
}

/**
 * native/addon/addon.cc. Every function returns a value or -errno. An answer has the errno in 16 bits, and the number of the answering call above.
 */
export interface NativeBinding {
  setPtracer(tracer: number): number;
  getDumpable(): number;
  setDumpable(dumpable: number): number;
  /** The dumpable flag of any process, from Linux 6.16 on: 0, 1, 2 or -errno. */
  dumpableOf(pid: number): number;
  /** PR_GET_SECUREBITS of this thread, or -errno. */
  getSecurebits(): number;
  probeAccess(pid: number): number;
  /** Asks by a single call, by its number in lib/kernel/probe-target.ts. */
  probeCall(pid: number, call: number): number;
  /**
   * Whether a process with only this capability, by its number (-1: none), may use perf_event_open:
   * native/probe/perf_admission.h. Returns 1, 0 or -errno.
   */
  perfAdmits(capability: number): number;
  probeSeize(pid: number): number;
  probeSeizeAsync(pid: number): Promise<number>;
  /**
   * Reads a process once, and with `asks` also makes the check of probeAccess: native/probe/probed_process.h. The columns of
   * the row are in lib/kernel/probe-target.ts. The row holds the previous look, and receives the new one. Returns the
   * name of the process, or null if the process isn't seen.
   */
  lookAndAsk(pid: number, asks: boolean, row: Float64Array): string | null;
  /** Waits for an adopted child that is about to end. */
  reapOrphan(pid: number): number;
  /** 0: not a child of this process; 1: a child that this thread forked; 2: a child that another thread forked. */
  parentOf(pid: number): 0 | 1 | 2;
  /** Id and owner of the process' user namespace, and then of each namespace above that is visible; or -errno. */
  userNamespaces(pid: number): number[] | number;
  /** The id of the user namespace that owns our mount namespace, or -errno. */
  mountNamespaceOwner(): number;
  /** Reads these processes, or those that /proc lists, ahead of the caller: native/addon/process_table_call.h; or -errno. */
  processTable(pids: Int32Array | null, wanted: number, portion: number): NativeTable | number;
  /** The names of the columns of that table, in their order. */
  processTableColumns(): { row: string[]; profile: string[] };
  /** Access events by BPF (native/watch/bpf_source.h), of one target or, by 0, of all; or -errno. */
  bpfEvents(pid: number, ready: () => void, reads: boolean): NativeEvents | number;
  /** Access events by the process connector, of one target or, by 0, of all; or -errno. `ready` is called when there are events. */
  connectorEvents(pid: number, ready: () => void): NativeEvents | number;
  /** The names of the columns of `take()`, in their order. */
  accessEventColumns(): string[];
  /** The ids of the active security modules, in the kernel's order: native/probe/security_modules.h; or -errno. */
  securityModules(): number[] | number;
  /** 1, 0, or -errno where the answer may come from a seccomp filter. */
  landlockRuns(): number;
  /** In how many Landlock domains this thread is: native/probe/landlock_domains.h; or -errno. */
  landlockDomains(): number;
  /** RLIMIT_CORE, soft and hard; or -errno. */
  coreLimit(): [soft: number, hard: number] | number;
  setCoreLimit(soft: number, hard: number): number;
  /** In bytes. */
  smallestCoreLimit(): number;
  /**
   * Opens this process to one debugger, -1 for any: native/debugger/grant.h. `ended` receives 0: closed; 1: the debugger
   * ended; 2: the time is up. A `ttl` of -1 sets no time. Returns 0 or -errno.
   */
  openGrant(
    debuggerPid: number,
    startTime: number,
    declares: boolean,
    ttl: number,
    ended: (end: 0 | 1 | 2) => void,
  ): number;
  /** Closes this environment's grant. Returns by what the grant has ended, as `ended` receives it; null if there is none. */
  closeGrant(): 0 | 1 | 2 | null;
  /**
   * In a crash, the crashing thread opens the process to the held debugger and waits for the debugger's end:
   * native/debugger/crash_handler.h. `fd` holds the debugger, and may be closed after the call. Returns 0 or -errno.
   */
  handleCrashes(debuggerPid: number, fd: number, declares: boolean, timeout: number): number;
  /** Returns whether there was a handler to stop. */
  stopHandlingCrashes(): boolean;
  /** SO_PEERCRED of a connected Unix socket; or -errno. */
  peerCredentials(fd: number): [pid: number, uid: number, gid: number] | number;
  /** Whether the peer has ended, so that its pid may be reused: 1, 0 or, before Linux 6.5, -errno. */
  peerHasEnded(fd: number): number;
  /** flock(2) of a descriptor, with LOCK_EX | LOCK_NB: 0 or -errno. */
  lockExclusively(fd: number): number;
  /** Makes the extended attributes of a file those of another: native/syscall/extended_attributes.h. Returns 0 or -errno. */
  copyExtendedAttributes(fromFd: number, toFd: number): number;
  /** Whether a directory has a default ACL: 1, 0 or -errno. */
  hasDefaultAcl(directoryFd: number): number;
  /** The words of a file's security.capability, or an empty list without one; or -errno. A link is followed. */
  fileCapabilities(path: string): number[] | number;
  /**
   * Searches directories: a path, then its words or -errno, for each file with capabilities, and for what could not be read.
   * Links are not followed: native/syscall/file_capability.h.
   */
  findFileCapabilities(directories: string[]): (string | number[] | number)[];
  /** 0 default, 1 ignored, 2 handled; or -errno. */
  dispositionOf(signal: number): number;
  /** Sets the signal to 0 default or 1 ignored. */
  setDisposition(signal: number, disposition: 0 | 1): number;
  /**
   * Replaces this process by execve(2): `program`, `options`, then the last `count` words of this process' own command
   * line, unchanged. Returns only on failure: -errno.
   */
  exec(program: string, options: string[], count: number): number;
  /**
   * Puts all threads into a Landlock domain (`run --confine`). False: it can't be done for a whole process, and nothing is
   * changed. As the launcher does, it ends the process with exit code 125 if the domain lets through what it should refuse.
   */
  confineAllThreads(): boolean;
}

/** A bundle hasn't the script. */
function howToBuild(): string {
  const script = packagePath('scripts/build/native.mjs');
  return existsSync(script)
    ? `Build it here: node ${script}`
    : 'Build it where tracegate is installed: scripts/build/native.mjs';
}

function whyNotLoaded(cause: unknown): string {
  if (process.platform !== 'linux') {
    return `tracegate asks the Linux kernel, and this is ${process.platform}. The parts that compute from saved facts work here.`;
  }
  const code = isError(cause) && 'code' in cause ? cause.code : undefined;
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'Node was told not to load native addons: start it without --no-addons, or with --allow-addons beside --permission.';
  }
  if (code === 'ERR_DLOPEN_FAILED') {
    return `the native addon does not fit this machine (built for another CPU or C library?). ${howToBuild()}. ${
      (cause as Error).message
    }`;
  }
  return [
    `there is no native addon for ${process.platform}-${process.arch}: tried ${addonPaths().join(', ')}.`,
    'In a bundle, copy prebuilds/ of the package beside it, or set TRACEGATE_ADDON to the path of the addon.',
    howToBuild(),
  ].join(' ');
}

export function nativeUnavailable(cause?: unknown): TracegateError {
  return new TracegateError('ERR_TRACEGATE_NATIVE_UNAVAILABLE', whyNotLoaded(cause), { cause });
}

let loaded: NativeBinding | undefined;

/**
 * The native addon. It is loaded on first use, so that the parts without system calls can be imported anywhere.
 *
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`, with what to do
 */
export function native(): NativeBinding {
  if (loaded === undefined) {
    if (process.platform !== 'linux') throw nativeUnavailable();
    try {
      loaded = bindings({
        bindings: 'tracegate.node',
        module_root: packagePath('.'),
        try: addonPaths().map(path => [path]),
      }) as NativeBinding;
    } catch (cause) {
      throw nativeUnavailable(cause);
    }
  }
  return loaded;
}

/**
 * The path of a program that native/binding.gyp builds beside the addon.
 *
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export function nativeProgram(name: 'tracegate-helper' | 'tracegate-attacker' | 'tracegate-launch'): string {
  const addon = addonPath();
  if (addon === undefined) throw nativeUnavailable();
  const program = join(dirname(addon), name);
  if (existsSync(program)) return program;
  throw new TracegateError(
    'ERR_TRACEGATE_NATIVE_UNAVAILABLE',
    `the program ${program} is missing, which belongs to the addon beside it: install tracegate again. ${howToBuild()}`,
  );
}
