// Each schema demands the schemaVersion that is written.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SCHEMA_VERSIONS, type SchemaName } from '../../lib/schema-versions.js';

const SCHEMAS = join(import.meta.dirname, '../../schemas');

/** What each schema demands of `schemaVersion`, wherever in the schema the demand stands. */
function demandsOf(file: string): number[] {
  const demands: number[] = [];
  JSON.parse(readFileSync(join(SCHEMAS, file), 'utf8'), (key, value) => {
    if (key === 'schemaVersion' && typeof value === 'object') demands.push(value.const);
    return value;
  });
  return demands;
}

it.each(Object.entries(SCHEMA_VERSIONS))(
  'schemas/%s.schema.json demands the schemaVersion that is written',
  (name, version) => {
    const demands = demandsOf(`${name}.schema.json`);
    expect(demands.length).toBeGreaterThan(0);
    expect(new Set(demands)).toEqual(new Set([version]));
  },
);

it('each schema of a document has its version in the table', () => {
  const documents = readdirSync(SCHEMAS).filter(file => demandsOf(file).length > 0);
  const names = documents.map(file => file.replace('.schema.json', '') as SchemaName);
  expect(names.sort()).toEqual(Object.keys(SCHEMA_VERSIONS).sort());
});
