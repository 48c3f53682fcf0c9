/** A fact of which one may know nothing: null. Kleene's logic: the unknown counts only where it could decide. */
export type Fact = boolean | null;

export function either(...facts: Fact[]): Fact {
  if (facts.includes(true)) return true;
  return facts.includes(null) ? null : false;
}

export function both(...facts: Fact[]): Fact {
  if (facts.includes(false)) return false;
  return facts.includes(null) ? null : true;
}

/** What holds in each of the cases of which one is so, and one doesn't know which. */
export function whichever(...facts: Fact[]): Fact {
  const [first = null] = facts;
  return facts.every(fact => fact === first) ? first : null;
}

/** Whether all are the same. Of those that are seen two that differ are enough. */
export function allEqual(...values: (number | null)[]): Fact {
  const seen = new Set(values.filter(value => value !== null));
  if (seen.size > 1) return false;
  return values.includes(null) ? null : true;
}

export function equal<T extends string | number>(a: T | null, b: T | null): Fact {
  return a === null || b === null ? null : a === b;
}
