// @ts-check
// The tables of docs/audit-trees.md, of the recorded answers. A test holds the page to them.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TREES } from '../../test/trees/trees.mjs';
import { agreement } from './judge.mjs';

/** @typedef {Record<string, import('./recorded.mjs').Answer>} Answers */

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'audit-trees.md');
const BLOCK = /(?<=<!-- trees -->\n)[\s\S]*?(?=<!-- \/trees -->)/;

/** @type {Record<import('../../test/trees/trees.mjs').Tree['kind'], string>} */
const TITLES = {
  debian: "Debian's own trees",
  transcribed: 'Other distributions, and hardening guides',
  invented: 'Systems on which an audit could go wrong',
};

/** @param {string} text */
const cell = text => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('*', '\\*');
/** @param {readonly string[]} cells */
const row = cells => `| ${cells.join(' | ')} |`;

/** `VALUE by COMMAND`, short. @param {import('./boot.mjs').Boot} real */
function realCell({ value, writers }) {
  const last = writers.at(-1);
  if (last === undefined) return `${value}, nothing wrote`;
  const [program = '', ...words] = last.replace(/^. by /, '').split(' ');
  return `${value}, by \`${cell([program.slice(program.lastIndexOf('/') + 1), ...words].join(' ').slice(0, 60).trim())}\``;
}

/** @param {Answers[string]['ours']} ours */
const ourCell = ({ found, because, at, loading }) =>
  found === 'unknown'
    ? `unknown: ${cell(because)}`
    : [found, ...(at === null ? [] : [`\`${cell(at)}\``]), `loads: ${loading}`].join('; ');

/** The text between the markers. @param {Answers} answers */
export function tablesOf(answers) {
  const judged = TREES.map(tree => {
    const answer = answers[tree.name];
    if (answer === undefined) throw new Error(`${tree.name} has no recorded answer`);
    return { tree, answer, verdict: agreement(answer.real, answer.ours) };
  });
  const count = (/** @type {string} */ verdict) => judged.filter(each => each.verdict === verdict).length;
  const times = judged.map(({ answer }) => answer.ours.milliseconds).sort((a, b) => a - b);
  const sections = Object.entries(TITLES).flatMap(([kind, title]) => [
    `## ${title}`,
    '',
    row(['tree', 'what it is', 'init', 'the boot', 'the audit', 'agreement']),
    row(['---', '---', '---', '---', '---', '---']),
    ...judged
      .filter(({ tree }) => tree.kind === kind)
      .map(({ tree, answer, verdict }) =>
        row([
          tree.name,
          cell(tree.source),
          `${tree.release}: ${tree.packages.join(', ')}`,
          realCell(answer.real),
          ourCell(answer.ours),
          verdict === 'agrees' || verdict === 'unknown' ? verdict : `**${verdict}**`,
        ]),
      ),
    '',
  ]);
  return [
    `${judged.length} trees: the audit agrees with the boot on ${count('agrees')}, says unknown on ${count('unknown')}, is wrong on ${count('WRONG')}, and gives ${count('FALSE PASS')} false passes. An audit takes ${times[Math.floor(times.length / 2)]} ms (median, with the start of Node).`,
    '',
    ...sections,
  ].join('\n');
}

export const tablesOnPage = () => BLOCK.exec(readFileSync(PAGE, 'utf8'))?.[0] ?? '';

/** @param {Answers} answers */
export function writePage(answers) {
  const before = readFileSync(PAGE, 'utf8');
  if (!BLOCK.test(before)) throw new Error('docs/audit-trees.md has no <!-- trees -->');
  writeFileSync(
    PAGE,
    before.replace(BLOCK, () => tablesOf(answers)),
  );
}
