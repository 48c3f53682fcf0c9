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

/** Whether a verdict is what the boot brings, for a demand of 1 or stricter. `unknown` isn't. @param {string} verdict @param {string} value */
const isRight = (verdict, value) =>
  verdict !== 'unknown' && ['pass', 'OK'].includes(verdict) === ['1', '2', '3'].includes(value);

/** @param {string} verdict @param {string} value */
function verdictCell(verdict, value) {
  if (isRight(verdict, value)) return verdict;
  return ['pass', 'OK'].includes(verdict) ? `**${verdict}**: FALSE PASS` : `**${verdict}**: WRONG`;
}

/** @param {Answers} answers */
function othersOf(answers) {
  const asked = TREES.flatMap(({ name }) => {
    const { real, ours, others } = answers[name] ?? {};
    return real === undefined || ours === undefined || others === undefined
      ? []
      : [{ name, real, ours, others }];
  });
  if (asked.length === 0) return [];
  /** @param {(each: (typeof asked)[number]) => { verdict: string, milliseconds: number } | undefined} of */
  const sum = of => {
    const all = asked.flatMap(each => {
      const other = of(each);
      return other === undefined ? [] : [{ ...other, value: each.real.value }];
    });
    const passes = all.filter(({ verdict, value }) => !isRight(verdict, value));
    const isFalsePass = (/** @type {string} */ verdict) => ['pass', 'OK'].includes(verdict);
    const times = all.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
    return [
      `${all.length}`,
      `${all.length - passes.length}`,
      `${passes.filter(({ verdict }) => isFalsePass(verdict)).length}`,
      `${passes.filter(({ verdict }) => !isFalsePass(verdict) && verdict !== 'unknown').length}`,
      `${passes.filter(({ verdict }) => verdict === 'unknown').length}`,
      `${((times[Math.floor(times.length / 2)] ?? 0) / 1000).toFixed(1)}`,
    ];
  };
  const ours = (/** @type {(typeof asked)[number]} */ each) => ({
    verdict: verdictOfOurs(each.ours.found),
    milliseconds: each.ours.milliseconds,
  });
  return [
    '## Other auditors',
    '',
    'OpenSCAP runs the rule sysctl_kernel_yama_ptrace_scope of the packaged content for Debian 12; Lynis runs the test KRNL-6000. Both run in the tree, with a running value of 1, as after `sysctl -w`. A verdict is right if it is a pass exactly where the boot brings 1 or more. Lynis compares the running value alone, so some trees are enough for it.',
    '',
    `${asked[0]?.others.versions.join(', ')}`,
    '',
    row(['auditor', 'trees', 'right', 'false passes', 'wrong failures', 'unknown', 'median, s']),
    row(['---', '--:', '--:', '--:', '--:', '--:', '--:']),
    row(['tracegate audit', ...sum(ours)]),
    row(['OpenSCAP', ...sum(({ others }) => others.OpenSCAP)]),
    row(['Lynis', ...sum(({ others }) => others.Lynis)]),
    '',
    row(['tree', 'the boot', 'tracegate audit', 'OpenSCAP', 'Lynis']),
    row(['---', '---', '---', '---', '---']),
    ...asked.map(each =>
      row([
        each.name,
        each.real.value,
        verdictOfOurs(each.ours.found),
        verdictCell(each.others.OpenSCAP.verdict, each.real.value),
        each.others.Lynis === undefined ? '' : verdictCell(each.others.Lynis.verdict, each.real.value),
      ]),
    ),
    '',
  ];
}

/** By the profile `cis`. @param {string} found */
const verdictOfOurs = found => (found === 'unknown' ? found : Number(found) >= 1 ? 'pass' : 'fail');

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
    ...othersOf(answers),
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
