/** One change that a search can choose. */
export interface Choice {
  /** How much the change opens, from least to most. */
  power: number;
  /** Changes with the same name are degrees of one change. Where the smaller degree helps, the larger is not offered. */
  degreeOf?: string;
}

const MOST_TOGETHER = 3;

/** Every combination of at most {@link MOST_TOGETHER} changes, smaller combinations first. */
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

/** Whether a smaller combination that helps is part of this one, or does the same to a smaller degree. */
function doesMore<One extends Choice>(chosen: readonly One[], helping: readonly One[][]): boolean {
  const covers = (change: One) =>
    chosen.some(
      ({ degreeOf, power }) => degreeOf !== undefined && degreeOf === change.degreeOf && power > change.power,
    );
  return helping.some(smaller => smaller.every(change => chosen.includes(change) || covers(change)));
}

/** The power of the strongest change counts most, then the number of changes. */
const cost = (chosen: readonly Choice[]) => {
  const powers = chosen.map(({ power }) => power);
  return Math.max(...powers) * 100 + chosen.length * 10 + powers.reduce((sum, power) => sum + power, 0) / 10;
};

/** The combinations that help, from what opens least to what opens most. None contains an earlier one. */
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
