import { SyscallError } from '../errors.js';
import { builtLauncher, native } from '../kernel/native.js';
import type { Ptracer } from '../kernel/ptracer.js';

export const DENY_MODES = ['sealed', 'detached', 'preload'] as const;
export type DenyMode = (typeof DENY_MODES)[number];

export interface LaunchOptions {
  /** Closed from its first instruction (`sealed`, `detached`), or from the loader's constructors on (`preload`). */
  deny?: DenyMode;
  /** Who may attach to it at ptrace_scope 1. */
  ptracer?: Ptracer;
  /** RLIMIT_CORE 1, which stops core files and the handlers in core_pattern. */
  core?: 'off';
  /** Variables of its environment, beside or in place of ours. */
  env?: Readonly<Record<string, string>>;
}

/** As native/launch/options.cc reads them. */
export function launcherWords({ deny, ptracer, core, env = {} }: LaunchOptions): string[] {
  return [
    ...(deny === undefined ? [] : [`--deny=${deny}`]),
    ...(ptracer === undefined ? [] : [`--ptracer=${ptracer}`]),
    ...(core === undefined ? [] : [`--core=${core}`]),
    ...Object.entries(env).map(([name, value]) => `--setenv=${name}=${value}`),
    '--',
  ];
}

/**
 * Replaces this process by the command that the last `count` words of its own command line are, through
 * `tracegate-launch` (native/launch/main.cc), which reports what goes wrong from then on. It does not return.
 *
 * @throws SyscallError if tracegate-launch could not be executed
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export function becomeCommand(count: number, options: LaunchOptions): never {
  const launcher = builtLauncher();
  const result = native().exec(launcher, launcherWords(options), count);
  throw new SyscallError(result, { syscall: 'execve', request: launcher });
}
