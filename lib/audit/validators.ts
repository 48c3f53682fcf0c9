/** What ajv writes: it says what is wrong with the last value. */
export interface Validator<Fitting> {
  (value: unknown): value is Fitting;
  errors?: readonly { instancePath: string; message?: string; params: Record<string, unknown> }[] | null;
}

/** scripts/build-validators.mjs */
const WRITTEN = new URL('../../dist/validators.js', import.meta.url).href;

/** What holds a value to its schema. Loaded where it is used: it is as large as all the rest of an audit. */
export const validators = <Functions>(): Promise<Functions> => import(/* @vite-ignore */ WRITTEN);
