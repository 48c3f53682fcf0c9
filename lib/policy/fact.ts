/** True, false, or unknown: null. Kleene's logic: an unknown fact makes the result unknown only where it could decide. */
export type Fact = boolean | null;

export function either(a: Fact, b: Fact): Fact {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

export function both(a: Fact, b: Fact): Fact {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

/** One of the cases is the real one, and it isn't known which: the result is known where all cases agree. */
export function whichever(facts: readonly Fact[]): Fact {
  const [first = null] = facts;
  return facts.every(fact => fact === first) ? first : null;
}

/** Whether all values are the same. Two known values that differ are enough for false. */
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
