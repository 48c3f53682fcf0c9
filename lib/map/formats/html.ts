import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Snapshot } from '../../kernel/host.js';
import { packageUrl } from '../../package-files.js';
import type { HostMap } from '../graph/map-types.js';
import { counted, escapeMarkup, shownName } from '../graph/names.js';
import { PART } from '../graph/states.js';
import { pageData } from './page-data.js';

/** A part of the page, as scripts/build/page.mjs writes it. */
const part = (name: string) => readFileSync(packageUrl(`dist/page/${name}`), 'utf8');

/** A source of a Content-Security-Policy that permits only this text. */
export const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** JSON for a script element. Without `<` the data can't end the element or begin a comment. */
const embedded = (data: unknown) => JSON.stringify(data).replaceAll('<', '\\u003c');

/**
 * Formats a host's map as one HTML page that loads no other file. The page's policy permits only its own script. The page
 * contains the snapshot, and answers a click by the package's own rules.
 *
 * Applies to: data, and the parts of the page that the package has as files.
 *
 * @throws SystemError `ENOENT` if the package lacks the parts of the page
 * @see docs/map.md
 * @example
 * ```js
 * import assert from 'node:assert/strict';
 * import { htmlPage, mapHost } from 'tracegate/map';
 * import { observe } from 'tracegate/snapshot';
 *
 * const snapshot = { ...observe(), name: 'web-1' };
 * assert.match(htmlPage(snapshot, mapHost(snapshot)), /^<!doctype html>/i);
 * ```
 */
export function htmlPage(snapshot: Snapshot, map: HostMap): string {
  const [style, script] = [part('page.css'), part('main.js')];
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const host = escapeMarkup(shownName(snapshot.name));
  const ptraceCapable = map.classes
    .filter(({ isPtraceCapable }) => isPtraceCapable)
    .reduce((sum, { size }) => sum + size, 0);
  const parts: Record<string, string> = {
    policy,
    title: `${host}: which process may trace which`,
    style,
    host,
    about: escapeMarkup(
      `${counted(map.processes, 'process', 'processes')}, ${counted(map.traceable, 'of them can be traced', 'of them can be traced')}, in ${counted(map.classes.length, 'class', 'classes')}. Linux ${shownName(snapshot.host.kernelRelease)}, seen at ${shownName(snapshot.takenAt)}.${map.isWhole ? '' : ` Mind: ${PART}.`}`,
    ),
    ptraceCapable:
      ptraceCapable === 0
        ? 'No process is seen to hold CAP_SYS_PTRACE over everything.'
        : `The edges of the ${counted(ptraceCapable, 'process', 'processes')} that hold${ptraceCapable === 1 ? 's' : ''}, or can take, CAP_SYS_PTRACE over everything are not counted: up to scope 2 they may trace all.`,
    made: 'Made by tracegate map. This page is one file and loads nothing.',
    data: embedded(pageData(snapshot, map)),
    script,
  };
  return part('page.html').replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] ?? '');
}
