import { badOption } from './errors.js';

/** The values that an option accepts. */
export interface OptionKind {
  /** The accepted values in words, for an error. */
  wanted: string;
  accepts(value: unknown): boolean;
}

export const BOOLEAN: OptionKind = { wanted: 'true or false', accepts: value => typeof value === 'boolean' };
export const FUNCTION: OptionKind = { wanted: 'a function', accepts: value => typeof value === 'function' };

/** The function that receives the option checks its value, as spawn() of node:child_process does. */
export const CHECKED_ELSEWHERE: OptionKind = { wanted: '', accepts: () => true };

export const text = (wanted: string): OptionKind => ({
  wanted,
  accepts: value => typeof value === 'string' && value !== '',
});

/** By its properties, as Node checks one: a signal of another realm is no `instanceof AbortSignal`. */
export const ABORT_SIGNAL: OptionKind = {
  wanted: 'an AbortSignal',
  accepts: value =>
    typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
};

export const oneOf = (values: readonly (string | number)[]): OptionKind => {
  const names = values.map(value => (typeof value === 'string' ? `'${value}'` : `${value}`));
  const last = names.slice(-1);
  return {
    wanted: [names.slice(0, -1).join(', '), ...last].filter(Boolean).join(' or '),
    accepts: value => (values as readonly unknown[]).includes(value),
  };
};

export const SCOPE: OptionKind = oneOf([0, 1, 2, 3]);

/** The limit of setTimeout() and of native code: a signed 32-bit number. */
export const LARGEST_INT = 2 ** 31 - 1;

/** @param unit such as `milliseconds` */
export const integer = (unit = 'a whole number', least = 1, most = LARGEST_INT): OptionKind => ({
  wanted: `${unit} from ${least} to ${most}`,
  accepts: value => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
});

/** The accepted values of each option of a function. */
export type OptionKinds<Options> = { readonly [Name in keyof Required<Options>]: OptionKind };

/**
 * The given options. An undefined option counts as left out, also where defaults are spread beneath.
 *
 * @param of the option that these options belong to, if any: `channels`
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`: no object, an unknown name, or a value that the option can't have
 */
export function checkedOptions<Options extends object>(
  options: Options,
  kinds: OptionKinds<Options>,
  of?: string,
): Options {
  const known: Readonly<Record<string, OptionKind>> = kinds;
  // This function runs for each probe, so the names are joined only for an error.
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
