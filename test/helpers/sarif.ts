import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, onTestFinished } from 'vitest';
import { ROOT } from './processes.js';

const PACKAGE = join(ROOT, 'node_modules/@microsoft/sarif-multitool-linux');

/** The SARIF SDK's own validator. Its package leaves it without the mode to execute it where install scripts are off. */
function multitool(...words: string[]) {
  const program = join(PACKAGE, 'Sarif.Multitool');
  if ((statSync(program).mode & 0o111) !== 0o111) chmodSync(program, 0o755);
  return spawnSync(program, words, { encoding: 'utf8' });
}

/**
 * The faults of each log by OASIS' schema and by the SDK's validator, which reports nothing for a log that it can't read. The
 * rules are SARIF's, or those of GitHub's code scanning.
 */
export function sarifFaults(kind: 'Sarif' | 'Ghas', ...logs: unknown[]): string[][] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  const isValid = ajv.compile(JSON.parse(readFileSync(join(PACKAGE, 'sarif-2.1.0.json'), 'utf8')));
  const directory = mkdtempSync(join(tmpdir(), 'tracegate-sarif-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const found = join(directory, 'validation.sarif');
  const files = logs.map((log, at) => {
    const file = join(directory, `${at}.sarif`);
    writeFileSync(file, JSON.stringify(log));
    return file;
  });
  const options = ['--rule-kind', kind, '--threads', '1', '--output', found];
  expect(multitool('validate', ...files, ...options)).toMatchObject({ status: 0 });
  const { results } = JSON.parse(readFileSync(found, 'utf8')).runs[0] as {
    results: { ruleId: string; locations: [{ physicalLocation: { artifactLocation: { uri: string } } }] }[];
  };
  const fileOf = ({ locations: [{ physicalLocation }] }: (typeof results)[number]) =>
    physicalLocation.artifactLocation.uri;
  return logs.map((log, at) => {
    isValid(log);
    return [
      ...(isValid.errors ?? []).map(({ instancePath }) => instancePath),
      ...results.filter(one => fileOf(one) === `file://${files[at]}`).map(({ ruleId }) => ruleId),
    ];
  });
}
