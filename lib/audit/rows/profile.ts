import { readdirSync, readFileSync } from 'node:fs';
import { badOption, TracegateError } from '../../errors.js';
import { isError } from '../../is-error.js';
import { isSystemError } from '../../kernel/proc-files.js';
import type { PtraceScopeValue } from '../../kernel/ptrace-scope.js';
import { packageUrl } from '../../package-files.js';
import { type Validator, validators } from '../../schema-validators.js';
import type { SCHEMA_VERSIONS } from '../../schema-versions.js';

/** The demands of a benchmark, as data. See profiles/ and schemas/profile.schema.json. */
export interface Profile {
  schemaVersion: (typeof SCHEMA_VERSIONS)['profile'];
  id: string;
  title: string;
  source: { document: string; item: string | null; reference: string };
  ptraceScope: {
    value: PtraceScopeValue;
    /** `at-least`: a stricter value passes too. */
    match: 'at-least' | 'exactly';
    in: readonly ('running' | 'next-boot')[];
    /** True if a file must have a line on ptrace_scope. Lines with different values then fail, whichever line wins. */
    explicit: boolean;
  };
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

/** Finds a profile by its name in profiles/, or reads a file. A name with a slash or the ending `.json` is a file. */
export async function findProfile(name: string): Promise<Profile> {
  const known = profileNames();
  if (known.includes(name))
    return checkProfile(read(packageUrl(`profiles/${name}.json`)), `profiles/${name}.json`);
  if (!name.includes('/') && !name.endsWith('.json'))
    throw badOption('profile', `one of ${known.join(', ')}, or a JSON file`, name);
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
