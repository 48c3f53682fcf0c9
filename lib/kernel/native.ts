import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bindings from 'bindings';
import { TracegateError } from '../errors.js';

/** native/addon/process_table_call.h */
export interface NativePortion {
  rows: Float64Array;
  profiles: Float64Array;
  strings: string[];
}

export interface NativeTable {
  /** How many processes it has, with those that have ended. */
  count: number;
  /** Null after the last. */
  next(): NativePortion | null;
  close(): void;
}

/** native/addon/addon.cc. Every function returns a value or -errno; an answer is the errno with its witness above 16 bits. */
export interface NativeBinding {
  setPtracer(tracer: number): number;
  getDumpable(): number;
  setDumpable(dumpable: number): number;
  /** Of any process, from Linux 6.16 on: 0, 1, 2 or -errno. */
  dumpableOf(pid: number): number;
  /** PR_GET_SECUREBITS of this thread, or -errno. */
  getSecurebits(): number;
  probeAccess(pid: number): number;
  /** One call alone, by its number in lib/kernel/probe-target.ts. */
  probeCall(pid: number, call: number): number;
  /**
   * Whether perf_event_open is open to who has this capability alone, by its number (-1: none): native/probe/perf_admission.h. 1, 0
   * or -errno.
   */
  perfAdmits(capability: number): number;
  probeSeize(pid: number): number;
  probeSeizeAsync(pid: number): Promise<number>;
  /**
   * One look at a process, and with `asks` what probeAccess asks meanwhile: native/probe/probed_process.h. The row, whose columns
   * lib/kernel/probe-target.ts knows, holds the look before and gets this one. The name, or null if the process isn't seen.
   */
  lookAndAsk(pid: number, asks: boolean, row: Float64Array): string | null;
  /** Waits for a child that we adopted and that is about to end. */
  reapOrphan(pid: number): number;
  /** 0: not a child of this process; 1: a child that this thread forked; 2: that another thread forked. */
  parentOf(pid: number): 0 | 1 | 2;
  /** Id and owner of its user namespace, then of each above it as far as we see; or -errno. */
  userNamespaces(pid: number): number[] | number;
  /** The id of the user namespace that owns our mount namespace, or -errno. */
  mountNamespaceOwner(): number;
  /** Reads these processes, or those that /proc lists, ahead of its caller: native/addon/process_table_call.h; or -errno. */
  processTable(pids: Int32Array | null, wanted: number, portion: number): NativeTable | number;
  /** The ids of the security modules that run, in the kernel's order: native/probe/security_modules.h; or -errno. */
  securityModules(): number[] | number;
  /** 1, 0, or -errno where a seccomp filter may have answered. */
  landlockRuns(): number;
  /** RLIMIT_CORE, soft and hard; or -errno. */
  coreLimit(): [soft: number, hard: number] | number;
  setCoreLimit(soft: number, hard: number): number;
  /** In bytes. */
  smallestCoreLimit(): number;
  /**
   * Opens this process to one debugger, -1 for any: native/debugger/window.h. `ended` gets 0 closed, 1 the debugger ended, 2
   * its time is up; a `ttl` of -1 has none. 0 or -errno.
   */
  openWindow(
    debuggerPid: number,
    startTime: number,
    declares: boolean,
    ttl: number,
    ended: (end: 0 | 1 | 2) => void,
  ): number;
  /** Whether this environment had one to close. */
  closeWindow(): boolean;
  /**
   * Whoever crashes lets in that held debugger, and waits for its end: native/debugger/crash_handler.h. `fd` is what holds it, and may be
   * closed afterwards. 0 or -errno.
   */
  handleCrashes(debuggerPid: number, fd: number, declares: boolean, timeout: number): number;
  /** Whether there was one to stop. */
  stopHandlingCrashes(): boolean;
  /** Of a connected Unix socket's descriptor: SO_PEERCRED. Or -errno. */
  peerCredentials(fd: number): [pid: number, uid: number, gid: number] | number;
  /** Whether who connected it has ended, so that its pid may be another's: 1, 0 or, before Linux 6.5, -errno. */
  peerHasEnded(fd: number): number;
  /** flock(2) of a descriptor, LOCK_EX | LOCK_NB: 0 or -errno. */
  lockExclusively(fd: number): number;
  /** The words of a file's security.capability, none where it has none; or -errno. A link is followed. */
  fileCapabilities(path: string): number[] | number;
  /** 0 default, 1 ignored, 2 handled; or -errno. */
  dispositionOf(signal: number): number;
  /** To default or ignored. */
  setDisposition(signal: number, disposition: 0 | 1): number;
  /**
   * Replaces this process: `program`, `options`, then the last `count` words of this process' own command line as they
   * are. Returns only if it fails: -errno.
   */
  exec(program: string, options: string[], count: number): number;
}

const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const buildDirectory = ['build', 'Release'] as const;

/** Where a helper program that binding.gyp builds lies. */
export function builtProgram(name: 'tracegate-helper' | 'tracegate-attacker' | 'tracegate-launch'): string {
  return join(packageRoot, ...buildDirectory, name);
}

function whyNotLoaded(cause: unknown): string {
  if (process.platform !== 'linux') {
    return `tracegate asks the Linux kernel, and this is ${process.platform}. The parts that compute from saved facts work here.`;
  }
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'Node was told not to load native addons: start it without --no-addons, or with --allow-addons beside --permission.';
  }
  if (code === 'ERR_DLOPEN_FAILED') {
    return `the native addon does not fit this machine (built for another CPU or C library?): npm rebuild tracegate. ${
      (cause as Error).message
    }`;
  }
  return [
    'the native addon was not built.',
    'Were install scripts off (--ignore-scripts, or not allowed: npm install-scripts approve tracegate)? Allow them and run: npm rebuild tracegate.',
    'Is there no compiler? apt-get install g++ make python3 (or dnf install gcc-c++ make python3), then: npm rebuild tracegate.',
  ].join(' ');
}

export function nativeUnavailable(cause?: unknown): TracegateError {
  return new TracegateError('ERR_TRACEGATE_NATIVE_UNAVAILABLE', whyNotLoaded(cause), { cause });
}

let loaded: NativeBinding | undefined;

/**
 * The native addon, loaded on first use, so that what needs no kernel can be imported anywhere.
 *
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`, with what to do
 */
export function native(): NativeBinding {
  if (loaded === undefined) {
    if (process.platform !== 'linux') throw nativeUnavailable();
    try {
      loaded = bindings({
        bindings: 'tracegate.node',
        module_root: packageRoot,
        try: [['module_root', ...buildDirectory, 'bindings']],
      }) as NativeBinding;
    } catch (cause) {
      throw nativeUnavailable(cause);
    }
  }
  return loaded;
}

/** @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE` */
export function builtLauncher(): string {
  const launcher = builtProgram('tracegate-launch');
  if (!existsSync(launcher)) throw nativeUnavailable();
  return launcher;
}
