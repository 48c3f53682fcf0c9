/**
 * True, false, or null for unknown. Kleene's logic: an unknown fact makes a result unknown only where it could decide.
 */
export type Fact = boolean | null;

export function either(a: Fact, b: Fact): Fact {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

export function both(a: Fact, b: Fact): Fact {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

/** The common value of all possible cases, or null where the cases differ. */
export function whichever(facts: readonly Fact[]): Fact {
  const [first = null] = facts;
  return facts.every(fact => fact === first) ? first : null;
}

/** Whether all values are the same. Two different known values are enough for false. */
export function allEqual(values: readonly (number | null)[]): Fact {
  let isSeen = true;
  let first: number | null = null;
  for (const value of values) {
    if (value === null) isSeen = false;
    else if (first === null) first = value;
    else if (first !== value) return false;
  }
  return isSeen ? true : null;
}

export function equal<T extends string | number>(a: T | null, b: T | null): Fact {
  return a === null || b === null ? null : a === b;
}
