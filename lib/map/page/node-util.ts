/** What lib/errors.ts takes of node:util, where there is no Node. */
export const getSystemErrorMap = (): Map<number, [string, string]> => new Map();

export const inspect = (value: unknown): string => JSON.stringify(value) ?? String(value);
