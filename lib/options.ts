import { badOption } from './errors.js';

/** What an option may be. */
export interface OptionKind {
  /** As an error says it. */
  wanted: string;
  accepts(value: unknown): boolean;
}

export const BOOLEAN: OptionKind = { wanted: 'true or false', accepts: value => typeof value === 'boolean' };
export const FUNCTION: OptionKind = { wanted: 'a function', accepts: value => typeof value === 'function' };

/** Checked by whoever takes it, as spawn() of node:child_process does. */
export const CHECKED_ELSEWHERE: OptionKind = { wanted: '', accepts: () => true };

export const text = (wanted: string): OptionKind => ({
  wanted,
  accepts: value => typeof value === 'string' && value !== '',
});

export const instanceOf = (wanted: string, kind: new () => unknown): OptionKind => ({
  wanted,
  accepts: value => value instanceof kind,
});

export const oneOf = (values: readonly (string | number)[]): OptionKind => {
  const names = values.map(value => (typeof value === 'string' ? `'${value}'` : `${value}`));
  const last = names.slice(-1);
  return {
    wanted: [names.slice(0, -1).join(', '), ...last].filter(Boolean).join(' or '),
    accepts: value => (values as readonly unknown[]).includes(value),
  };
};

export const SCOPE: OptionKind = oneOf([0, 1, 2, 3]);

/** What setTimeout() and native code take: a signed 32-bit number. */
export const LARGEST_INT = 2 ** 31 - 1;

/** @param unit such as `milliseconds` */
export const integer = (unit = 'a whole number', least = 1, most = LARGEST_INT): OptionKind => ({
  wanted: `${unit} from ${least} to ${most}`,
  accepts: value => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
});

/** Of each option of a function, what it may be. */
export type OptionKinds<Options> = { readonly [Name in keyof Required<Options>]: OptionKind };

/**
 * The options that are given. One that is undefined is as if it were left out, also where defaults are spread beneath.
 *
 * @param of whose they are, where they are an option themselves: `channels`
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`: it is no object, has a name that isn't known, or a value that it can't have
 */
export function checkedOptions<Options extends object>(
  options: Options,
  kinds: OptionKinds<Options>,
  of?: string,
): Options {
  const known: Readonly<Record<string, OptionKind>> = kinds;
  // Called for each probe: the names are put together for an error alone.
  const names = () => Object.keys(known).join(', ');
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw badOption(of ?? 'options', of === undefined ? 'an object' : `an object with ${names()}`, options);
  const given = Object.entries(options).filter(([name, value]) => {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined)
      throw badOption(of === undefined ? 'an option' : `a name in ${of}`, `one of ${names()}`, name);
    if (value !== undefined && !kind.accepts(value))
      throw badOption(of === undefined ? name : `${of}.${name}`, kind.wanted, value);
    return value !== undefined;
  });
  return Object.fromEntries(given) as Options;
}
