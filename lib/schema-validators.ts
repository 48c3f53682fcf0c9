import { packageUrl } from './package-files.js';

/** A validator that ajv generates. `errors` describes the faults of the last value. */
export interface Validator<Fitting> {
  (value: unknown): value is Fitting;
  errors?: readonly { instancePath: string; message?: string; params: Record<string, unknown> }[] | null;
}

/** The file that scripts/build/validators.mjs generates. */
const WRITTEN = packageUrl('dist/validators.js').href;

/** Loads the validators on first use, since their file is as large as all other code of an audit. */
export const validators = <Functions>(): Promise<Functions> => import(/* @vite-ignore */ WRITTEN);
