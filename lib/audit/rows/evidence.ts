import { hostname, release } from 'node:os';
import { packageVersion } from '../../package-files.js';
import { quoted } from '../../printable.js';
import type { FileTree } from '../tree/file-tree.js';
import { type OperatingSystem, osRelease } from '../tree/os-release.js';

/** What an assessor needs beside the findings: when, of what, by what, and how to repeat it. */
export interface AuditEvidence {
  /** The time of the audit, in UTC (ISO 8601). */
  time: string;
  /** The name of the audited host. For a tree it comes from /etc/hostname, and is null without that file. */
  host: string | null;
  /** The host that ran the audit. */
  auditor: string;
  /** The operating system that is audited, by os-release; null without that file. */
  os: OperatingSystem | null;
  /** The release of the running kernel; null for a tree that doesn't run. */
  kernel: string | null;
  /** The version of tracegate. */
  toolVersion: string;
  /** The version of the profile; null if the profile has none. */
  profileVersion: string | null;
  /** The command that repeats the audit; null if the profile was given as an object. */
  command: string | null;
}

/** hostname(5): one line, and comments. */
function treeHostname(tree: FileTree): string | null {
  const content = tree.read('/etc/hostname');
  if (content.kind !== 'text') return null;
  return (
    content.text
      .split('\n')
      .map(line => line.trim())
      .find(line => line !== '' && !line.startsWith('#')) ?? null
  );
}

export function evidenceOf(
  tree: FileTree,
  root: string,
  profile: { path: string | null; version: string | null },
  now: Date,
): AuditEvidence {
  const isRunning = root === '/';
  const at = isRunning ? '' : ` --root ${quoted(root)}`;
  return {
    time: now.toISOString(),
    host: isRunning ? hostname() : treeHostname(tree),
    auditor: hostname(),
    os: osRelease(tree),
    kernel: isRunning ? release() : null,
    toolVersion: packageVersion(),
    profileVersion: profile.version,
    command: profile.path === null ? null : `tracegate audit --profile ${quoted(profile.path)}${at}`,
  };
}
