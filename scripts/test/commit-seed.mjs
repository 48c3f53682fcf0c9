// @ts-check
import { spawnSync } from 'node:child_process';

/** Where there is no commit: a copy of the package. */
const WITHOUT_COMMIT = 1;

/** The seed of all random tests: TRACEGATE_SEED, or the first 32 bits of the commit's digest, so that each commit draws others. */
export function commitSeed() {
  const given = process.env.TRACEGATE_SEED;
  if (given !== undefined) return given;
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  const digest = /^[0-9a-f]{8}/.exec(stdout ?? '')?.[0];
  return String(digest === undefined ? WITHOUT_COMMIT : Number.parseInt(digest, 16));
}
