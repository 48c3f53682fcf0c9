import { SyscallError } from '../errors.js';
import { commandFor, LAUNCH_OPTIONS, type LaunchOptionName, launcherWord } from './launch-options.js';
import { native, nativeProgram } from './native.js';
import type { Ptracer } from './ptracer.js';

export const DENY_WAYS = LAUNCH_OPTIONS.deny.values;
/** How the launcher closes a program: by an unreadable copy in $TMPDIR, by one on a mount of its own, or by a library. */
export type DenyWay = (typeof DENY_WAYS)[number];

export const CONFINE_WAYS = LAUNCH_OPTIONS.confine.values;
/** What a confined program can't do to processes outside of its tree: docs/confine.md. */
export type ConfineWay = (typeof CONFINE_WAYS)[number];

export interface LaunchOptions {
  /** The program is closed from its first instruction (`sealed`, `detached`), or once its constructors run (`preload`). */
  deny?: DenyWay;
  /** The program and its descendants trace only each other: a Landlock domain. */
  confine?: ConfineWay;
  /** The descriptor that gets the report about `confine`: schemas/confine.schema.json. */
  'report-fd'?: number;
  /** The declared tracer, which may attach to the program at ptrace_scope 1. `tree`: each process of the program's tree declares the program. */
  ptracer?: Ptracer | 'tree';
  /** Each process of the program's tree declares `ptracer`, and not the program alone. */
  tree?: true;
  /** RLIMIT_CORE 1, which stops core files and the handlers in core_pattern. */
  core?: 'off';
  /** Environment variables of the program, which are added to ours or replace ours. */
  env?: Readonly<Record<string, string>>;
}

/** The launcher's words before the command. */
export function launcherWords({ env = {}, ...options }: LaunchOptions): string[] {
  return [
    ...Object.entries(options).map(([name, value]) =>
      launcherWord(name as LaunchOptionName, value === true ? undefined : value),
    ),
    ...Object.entries(env).map(([name, value]) => launcherWord('setenv', `${name}=${value}`)),
    '--',
  ];
}

/**
 * Executes `tracegate-launch` (native/launch/main.cc) in this process and does not return. The launcher then executes the
 * command. The launcher reports errors that come later.
 *
 * @throws SyscallError if tracegate-launch could not be executed
 * @throws TracegateError `ERR_TRACEGATE_NATIVE_UNAVAILABLE`
 */
export function becomeCommand(command: readonly string[], options: LaunchOptions): never {
  const launcher = nativeProgram('tracegate-launch');
  const { words, count } = commandFor(command);
  const result = native().exec(launcher, [...launcherWords(options), ...words], count);
  throw new SyscallError(result, { syscall: 'execve', request: launcher });
}
