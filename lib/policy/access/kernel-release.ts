import type { Fact } from './fact.js';

/** Whether a kernel release, such as `6.12.8-1-amd64`, is at least this version. Null: the text is no release. */
export function isFrom(release: string, [major, minor]: readonly [major: number, minor: number]): Fact {
  const [ours = Number.NaN, oursMinor = Number.NaN] = release
    .split('.')
    .map(part => Number.parseInt(part, 10));
  if (Number.isNaN(ours) || Number.isNaN(oursMinor)) return null;
  return ours > major || (ours === major && oursMinor >= minor);
}
