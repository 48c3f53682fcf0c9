import { stripVTControlCharacters } from 'node:util';
import type { Outcome } from '../policy/access/verdict.js';
import type { Remedy } from '../policy/remedies/remedies.js';
import { printable } from '../printable.js';

/** The weight of a part of a text: what is allowed, refused, unknown, of less interest, of more. */
export type Emphasis = 'good' | 'bad' | 'open' | 'faint' | 'strong';
/** Shows an emphasis, by a colour for example. */
export type Paint = (emphasis: Emphasis, text: string) => string;

export const nameOf = (comm: string | null, pid: number) =>
  `${pid}${comm === null ? '' : ` (${printable(comm)})`}`;

const SIGNS: Record<Outcome, { sign: string; emphasis: Emphasis }> = {
  pass: { sign: '✓ pass', emphasis: 'faint' },
  allow: { sign: '✓ allow', emphasis: 'good' },
  deny: { sign: '✗ deny', emphasis: 'bad' },
  unknown: { sign: '? unknown', emphasis: 'open' },
};

/** The columns that a text takes: escape sequences take none. */
export const widthOf = (text: string): number => stripVTControlCharacters(text).length;

const NARROWEST = 20;

/** Breaks a text into lines at the width. Further lines are indented. */
export function fold(text: string, indent: number, width: number): string {
  if (width === Number.POSITIVE_INFINITY) return text;
  const room = Math.max(NARROWEST, width - indent);
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && widthOf(line) + widthOf(word) + 1 > room) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

const SIGN_WIDTH = 11;
export const RULE_WIDTH = 19;

export function stepLine(name: string, outcome: Outcome, text: string, paint: Paint, width: number): string {
  const { sign, emphasis } = SIGNS[outcome];
  const folded = fold(printable(text), 2 + SIGN_WIDTH + name.length, width);
  return `  ${paint(emphasis, `${sign.padEnd(SIGN_WIDTH)}${name}${folded}`)}`;
}

function remedyLines({ actions }: Remedy, number: number, width: number): string {
  const lines = actions.flatMap(({ who, what, command, call, opens }, at) => [
    `${at === 0 ? `${number}.`.padStart(4) : '   +'} ${fold(printable(`${who}: ${what}`), 5, width)}`,
    ...[command, call].filter(text => text !== null).map(text => `       ${text}`),
    ...(opens === 'nothing' ? [] : [`       ${fold(`opens ${opens}`, 7, width)}`]),
  ]);
  return lines.join('\n');
}

/** @param verb whether the remedies surely help: `would` or `may` */
export function remedyList(remedies: readonly Remedy[], verb: 'would' | 'may', width: number): string {
  const title =
    remedies[0]?.kind === 'instead'
      ? 'What to do instead:'
      : `What ${verb} change it, from what opens least to what opens most:`;
  return [title, ...remedies.map((remedy, at) => remedyLines(remedy, at + 1, width))].join('\n');
}
