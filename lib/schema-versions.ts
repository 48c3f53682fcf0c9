/**
 * The `schemaVersion` of each document, by the name of its schema: schemas/NAME.schema.json. A field that gets another name or
 * another meaning raises the number; a new field doesn't.
 */
export const SCHEMA_VERSIONS = {
  audit: 2,
  audits: 1,
  confine: 1,
  core: 2,
  demo: 1,
  diff: 2,
  explain: 2,
  fleet: 2,
  grants: 2,
  map: 2,
  'map-lines': 2,
  probe: 2,
  profile: 1,
  reach: 2,
  rehearse: 1,
  remediate: 3,
  'remediate-refusal': 1,
  'remediate-undo': 1,
  scan: 1,
  snapshot: 1,
  status: 3,
  watch: 1,
} as const;

export type SchemaName = keyof typeof SCHEMA_VERSIONS;
