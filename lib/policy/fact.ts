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

export function equal<T extends string | number>(a: T | null, b: T | null): Fact {
  return a === null || b === null ? null : a === b;
}
