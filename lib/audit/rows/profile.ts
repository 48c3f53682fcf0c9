import { readdirSync, readFileSync } from 'node:fs';
import { badOption, TracegateError } from '../../errors.js';
import { isError } from '../../is-error.js';
import { isSystemError } from '../../kernel/proc-files.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { packageUrl } from '../../package-files.js';
import { type Validator, validators } from '../../schema-validators.js';
import type { SCHEMA_VERSIONS } from '../../schema-versions.js';

/** The id of a demand in a catalog of controls, or in the benchmark of one distribution. */
export interface ProfileControl {
  catalog: string;
  id: string;
  /** The distribution that this id is for, by `ID` and `VERSION_ID` of os-release; null for any. */
  os: { id: string; version: string | null } | null;
  /** Where the id was read. */
  source: string;
  /** The date of the source. */
  date: string;
}

/** `NIST SP 800-53 Rev. 5 CM-6 b`, or `CCE-83965-4` where the id names its catalog. */
export const controlName = ({ catalog, id }: ProfileControl): string =>
  id.startsWith(catalog) ? id : `${catalog} ${id}`;

/** The acceptance of a failure. */
export interface Waiver {
  /** The id of the row. */
  row: string;
  owner: string;
  reason: string;
  /** The last day of the waiver, in UTC: `2027-01-31`. */
  expires: string;
}

/** The demands of a benchmark, as data. See profiles/ and schemas/profile.schema.json. */
export interface Profile {
  schemaVersion: (typeof SCHEMA_VERSIONS)['profile'];
  id: string;
  /** The version of these demands, which each report names. */
  version?: string;
  title: string;
  source: { document: string; item: string | null; reference: string; date?: string };
  ptraceScope: {
    value: PtraceScopeValue;
    /** `at-least`: a stricter value passes too. */
    match: 'at-least' | 'exactly';
    in: readonly ('running' | 'next-boot')[];
    /** True if a `*.conf` file must have a line on ptrace_scope. Lines with different values then fail, whichever line wins. */
    explicit: boolean;
  };
  controls?: readonly ProfileControl[];
  waivers?: readonly Waiver[];
}

const read = (path: string | URL): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** The names of the profiles in profiles/. */
export const profileNames = (): string[] =>
  readdirSync(packageUrl('profiles/'))
    .map(name => name.replace(/\.json$/, ''))
    .sort();

/**
 * @param from the source of the value, for the error message
 * @throws TypeError `ERR_TRACEGATE_INVALID_OPTION`
 */
export async function checkProfile(value: unknown, from: string): Promise<Profile> {
  const { isProfile } = await validators<{ isProfile: Validator<Profile> }>();
  if (isProfile(value)) return value;
  const faults = (isProfile.errors ?? []).map(({ instancePath, message, params }) => {
    const more = 'additionalProperty' in params ? ` (${params.additionalProperty})` : '';
    return `${instancePath || 'the whole'} ${message}${more}`;
  });
  throw badOption('profile', `what schemas/profile.schema.json describes (${faults.join('; ')})`, from);
}

/** A name with a slash or the ending `.json` is a file, unless profiles/ has that name. */
export const isProfileFile = (name: string): boolean => name.includes('/') || name.endsWith('.json');

/** Finds a profile by its name in profiles/, or reads a file. */
export async function findProfile(name: string): Promise<Profile> {
  const known = profileNames();
  if (known.includes(name))
    return checkProfile(read(packageUrl(`profiles/${name}.json`)), `profiles/${name}.json`);
  if (!isProfileFile(name)) throw badOption('profile', `one of ${known.join(', ')}, or a JSON file`, name);
  try {
    return await checkProfile(read(name), name);
  } catch (error) {
    if (isError(error) && error.name === 'SyntaxError')
      throw badOption('profile', `a file of JSON (${error.message})`, name);
    if (isSystemError(error))
      throw new TracegateError('ERR_TRACEGATE_AUDIT', `the profile can't be read: ${error.message}`, {
        cause: error,
      });
    throw error;
  }
}
