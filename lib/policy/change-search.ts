/** One thing that somebody can do. */
export interface Choice {
  /** From least to most, of what it opens. */
  power: number;
  /** More and less of the same: where the less powerful helps, the more powerful is not named. */
  degreeOf?: string;
}

const MOST_TOGETHER = 3;

/** Every choice of up to so many of them, the smaller before the larger. */
function choices<One extends Choice>(changes: readonly One[]): One[][] {
  let longest: One[][] = [[]];
  const all: One[][] = [];
  for (let size = 1; size <= MOST_TOGETHER; size++) {
    longest = longest.flatMap(chosen => {
      const last = chosen.at(-1);
      return changes.slice(last === undefined ? 0 : changes.indexOf(last) + 1).map(next => [...chosen, next]);
    });
    all.push(...longest);
  }
  return all;
}

/** Whether what helps already is a part of it, or the same to a smaller degree. */
function doesMore<One extends Choice>(chosen: readonly One[], helping: readonly One[][]): boolean {
  const covers = (change: One) =>
    chosen.some(
      ({ degreeOf, power }) => degreeOf !== undefined && degreeOf === change.degreeOf && power > change.power,
    );
  return helping.some(smaller => smaller.every(change => chosen.includes(change) || covers(change)));
}

/** The most powerful part decides, then how many there are. */
const cost = (chosen: readonly Choice[]) => {
  const powers = chosen.map(({ power }) => power);
  return Math.max(...powers) * 100 + chosen.length * 10 + powers.reduce((sum, power) => sum + power, 0) / 10;
};

/** The choices that help, from what opens least to what opens most, and none that does more than one before it. */
export function leastChanges<One extends Choice>(
  changes: readonly One[],
  helps: (chosen: readonly One[]) => boolean,
): One[][] {
  const helping: One[][] = [];
  for (const chosen of choices(changes)) {
    if (!doesMore(chosen, helping) && helps(chosen)) helping.push(chosen);
  }
  return helping.sort((a, b) => cost(a) - cost(b));
}
