// biome-ignore lint/suspicious/noTsIgnore: with @types/node there is no error to expect
/** @ts-ignore: without @types/node it is any. */
import type { SpawnOptions } from 'node:child_process';
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
