import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import type { AuditReport } from '../audit.js';
import { controlName } from '../rows/profile.js';
import { type AuditRow, reasonOf } from '../rows/row.js';
import { waiverText } from '../rows/waiver.js';

/**
 * Only findings are results, since code scanning makes an alert of each result. A required row whose verdict is unknown is a
 * finding too: code scanning closes an alert whose result is missing.
 */
const isFinding = ({ verdict, required }: AuditRow): boolean =>
  verdict === 'fail' || verdict === 'waived' || (required && verdict === 'unknown');

function levelOf({ verdict, required }: AuditRow): 'error' | 'warning' | 'note' {
  if (verdict === 'waived') return 'note';
  return required && verdict === 'fail' ? 'error' : 'warning';
}

/** The setting itself stands for a file where no file decides: code scanning refuses a result without a location. */
const SETTING = '/proc/sys/kernel/yama/ptrace_scope';

/** The path of a file is relative to the root of the tree, so the mount point doesn't matter. */
const locationOf = ({ file, line }: AuditRow) => ({
  physicalLocation: {
    artifactLocation: {
      uri: pathToFileURL(file ?? SETTING).href.replace('file:///', ''),
      uriBaseId: 'ROOT',
    },
    region: { startLine: line ?? 1 },
  },
});

const directoryUri = (path: string) => pathToFileURL(path.endsWith('/') ? path : `${path}/`).href;

/** A finding is the same one as long as its profile, row and file are, also if its line moves. */
const fingerprint = (profile: string, { id, file }: AuditRow): string =>
  createHash('sha256')
    .update(JSON.stringify([profile, id, file]))
    .digest('hex')
    .slice(0, 16);

function resultOf(row: AuditRow, ruleIndex: number, profile: string) {
  const { id, verdict, found, expected, because, waiver } = row;
  const unknown = verdict === 'unknown' ? 'The verdict is unknown: ' : '';
  return {
    ruleId: id,
    ruleIndex,
    kind: 'fail',
    level: levelOf(row),
    message: { text: `${unknown}found ${found}, expected ${expected}: ${because}.` },
    locations: [locationOf(row)],
    partialFingerprints: { primaryLocationLineHash: `${fingerprint(profile, row)}:1` },
    properties: { verdict },
    ...(waiver !== null && {
      suppressions: [{ kind: 'external', status: 'accepted', justification: waiverText(waiver) }],
    }),
  };
}

function runOf({ rows, root, profile, evidence, controls, verdict }: AuditReport) {
  const tags = controls.map(controlName);
  return {
    tool: {
      driver: {
        name: 'tracegate audit',
        version: evidence.toolVersion,
        rules: rows.map(row => ({
          id: row.id,
          shortDescription: { text: row.title },
          fullDescription: { text: `${row.title}. Expected: ${row.expected}.` },
          help: { text: row.remedy ?? reasonOf(row) },
          properties: { tags: ['security', ...(row.required ? tags : [])] },
        })),
      },
    },
    // Code scanning keeps the runs of one upload apart by this category, which ends at the last slash.
    automationDetails: { id: `tracegate/${profile.id}/${evidence.host ?? ''}${root}/` },
    invocations: [
      {
        executionSuccessful: true,
        startTimeUtc: evidence.time,
        machine: evidence.auditor,
        ...(evidence.command !== null && { commandLine: evidence.command }),
      },
    ],
    originalUriBaseIds: { ROOT: { uri: directoryUri(root) } },
    properties: {
      verdict,
      profile: profile.id,
      profileVersion: evidence.profileVersion,
      host: evidence.host,
      os: evidence.os?.name ?? null,
      kernel: evidence.kernel,
    },
    results: rows.flatMap((row, index) => (isFinding(row) ? [resultOf(row, index, profile.id)] : [])),
  };
}

/** Formats audits as SARIF 2.1.0, an OASIS standard. Each audit is a run. */
export const toSarif = (reports: readonly AuditReport[]): string =>
  JSON.stringify(
    {
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: reports.map(runOf),
    },
    null,
    2,
  );
