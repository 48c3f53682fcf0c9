import { pathToFileURL } from 'node:url';
import type { AuditReport } from '../audit.js';
import type { AuditRow } from '../rows/row.js';

/** SARIF 2.1.0, 3.27.9: every kind except `fail` has the level `none`. */
const KINDS = { pass: 'pass', fail: 'fail', unknown: 'review', 'not-applicable': 'notApplicable' } as const;

function levelOf({ verdict, required }: AuditRow): 'error' | 'warning' | 'none' {
  if (verdict !== 'fail') return 'none';
  return required ? 'error' : 'warning';
}

/** The path of a file is relative to the root of the tree, so the mount point doesn't matter. */
const locationOf = ({ file, line }: AuditRow) =>
  file === null || file.startsWith('/proc/')
    ? {}
    : {
        locations: [
          {
            physicalLocation: {
              artifactLocation: {
                uri: pathToFileURL(file).href.replace('file:///', ''),
                uriBaseId: 'ROOT',
              },
              ...(line !== null && { region: { startLine: line } }),
            },
          },
        ],
      };

const directoryUri = (path: string) => pathToFileURL(path.endsWith('/') ? path : `${path}/`).href;

/** Formats an audit as SARIF 2.1.0, an OASIS standard. Each row is a result, also a row that passes. */
export function toSarif({ rows, root, profile }: AuditReport, version: string): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'tracegate audit',
            version,
            rules: rows.map(({ id, title, remedy }) => ({
              id,
              shortDescription: { text: title },
              ...(remedy !== null && { help: { text: remedy } }),
            })),
          },
        },
        originalUriBaseIds: { ROOT: { uri: directoryUri(root) } },
        properties: { profile: profile.id },
        results: rows.map((row, ruleIndex) => ({
          ruleId: row.id,
          ruleIndex,
          kind: KINDS[row.verdict],
          level: levelOf(row),
          message: { text: `found ${row.found}, expected ${row.expected}: ${row.because}` },
          ...locationOf(row),
        })),
      },
    ],
  };
}
