/** Replaces node:util for lib/errors.ts in the browser. */
export const getSystemErrorMap = (): Map<number, [string, string]> => new Map();

export const inspect = (value: unknown): string => JSON.stringify(value) ?? String(value);
