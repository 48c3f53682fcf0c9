import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { ROOT } from './processes.js';

/** The command, without the short way of `run`. */
export const MAIN = join(ROOT, 'dist', 'cli.cjs');

export interface Run {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export async function tracegate(
  words: string[],
  env: NodeJS.ProcessEnv = {},
  nodeOptions: string[] = [],
): Promise<Run> {
  const child = spawn(process.execPath, [...nodeOptions, MAIN, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...env },
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { code, signal, stdout, stderr };
}

const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
const schemas = join(ROOT, 'schemas');
for (const name of readdirSync(schemas)) ajv.addSchema(JSON.parse(readFileSync(join(schemas, name), 'utf8')));

/** Parses and holds the output to schemas/NAME.schema.json. */
export function validated(name: string, output: string): Record<string, unknown> {
  const value = JSON.parse(output);
  expect(ajv.validate(`tracegate:${name}`, value), ajv.errorsText()).toBe(true);
  return value;
}
