// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node it is any. */
import type { SpawnOptions } from 'node:child_process';
import { badOption } from '../errors.js';
import { CHECKED_ELSEWHERE, type OptionKind } from '../options.js';

/** The options that are passed on to spawn(), which checks their values. */
export const SPAWN_OPTIONS: { readonly [Name in keyof Required<SpawnOptions>]: OptionKind } = {
  argv0: CHECKED_ELSEWHERE,
  cwd: CHECKED_ELSEWHERE,
  detached: CHECKED_ELSEWHERE,
  env: CHECKED_ELSEWHERE,
  gid: CHECKED_ELSEWHERE,
  killSignal: CHECKED_ELSEWHERE,
  serialization: CHECKED_ELSEWHERE,
  shell: CHECKED_ELSEWHERE,
  signal: CHECKED_ELSEWHERE,
  stdio: CHECKED_ELSEWHERE,
  timeout: CHECKED_ELSEWHERE,
  uid: CHECKED_ELSEWHERE,
  windowsHide: CHECKED_ELSEWHERE,
  windowsVerbatimArguments: CHECKED_ELSEWHERE,
};

/** An option that must be left out, or be false. @param why `left out: …` */
export const refused = (why: string): OptionKind => ({ wanted: why, accepts: value => value === false });

/** spawn() would apply the command's own name to the launcher. */
export const NO_ARGV0 = refused("left out: the command's own name is its argv[0]");

/** The command that the launcher executes, and its arguments. */
export function checkCommand(command: unknown, args: unknown): void {
  if (typeof command !== 'string' || command === '') throw badOption('command', 'a program', command);
  if (command === '/proc/self/exe')
    throw badOption('command', "a program's own path: /proc/self/exe would be the launcher", command);
  if (!Array.isArray(args)) throw badOption('args', 'an array of strings', args);
}
