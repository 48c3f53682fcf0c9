/** A fact of which one may know nothing: null. Kleene's logic: the unknown counts only where it could decide. */
export type Fact = boolean | null;

export function either(a: Fact, b: Fact): Fact {
  if (a === true || b === true) return true;
  return a === null || b === null ? null : false;
}

export function both(a: Fact, b: Fact): Fact {
  if (a === false || b === false) return false;
  return a === null || b === null ? null : true;
}

/** What holds in each of the cases of which one is so, and one doesn't know which. */
export function whichever(facts: readonly Fact[]): Fact {
  const [first = null] = facts;
  return facts.every(fact => fact === first) ? first : null;
}

/** Whether all are the same. Of those that are seen two that differ are enough. */
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
