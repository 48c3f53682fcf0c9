import type { ByScope, EdgeCounts } from './map-types.js';

export const noCounts = (): EdgeCounts => ({
  certain: { 0: 0, 1: 0, 2: 0, 3: 0 },
  possible: { 0: 0, 1: 0, 2: 0, 3: 0 },
});

export function addCounts(into: EdgeCounts, more: EdgeCounts, times = 1): void {
  const { certain, possible } = into;
  for (let scope: keyof ByScope | 4 = 0; scope < 4; scope++) {
    certain[scope as 0] += more.certain[scope as 0] * times;
    possible[scope as 0] += more.possible[scope as 0] * times;
  }
}
