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

/** @param {string} verdict */
const isPass = verdict => ['pass', 'OK'].includes(verdict);
/** No answer to the question. OpenSCAP's `error` is one. @param {string} verdict */
const isUnknown = verdict => ['unknown', 'error'].includes(verdict);

/** Whether a verdict is what the boot brings, for a demand of 1 or stricter. @param {string} verdict @param {string} value */
const isRight = (verdict, value) =>
  !isUnknown(verdict) && isPass(verdict) === ['1', '2', '3'].includes(value);

/** @param {string} verdict @param {string} value */
function verdictCell(verdict, value) {
  if (isUnknown(verdict) || isRight(verdict, value)) return verdict;
  return isPass(verdict) ? `**${verdict}**: FALSE PASS` : `**${verdict}**: WRONG`;
}

/** @typedef {{ name: string, kind: keyof typeof TITLES, value: string, ours: Verdict, others: NonNullable<Answers[string]['others']> }} AskedTree */
/** @typedef {{ verdict: string, milliseconds: number }} Verdict */

/** @type {{ title: string, of: (tree: AskedTree) => Verdict | undefined }[]} */
const AUDITORS = [
  { title: 'tracegate audit', of: ({ ours }) => ours },
  { title: 'OpenSCAP', of: ({ others }) => others.OpenSCAP },
  { title: 'Lynis', of: ({ others }) => others.Lynis },
];

/** @param {readonly Verdict[]} verdicts */
function medianSeconds(verdicts) {
  const times = verdicts.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return ((times[Math.floor(times.length / 2)] ?? 0) / 1000).toFixed(1);
}

/** @param {readonly AskedTree[]} trees @param {(typeof AUDITORS)[number]} auditor */
function totalOf(trees, { of }) {
  const all = trees.flatMap(tree => {
    const verdict = of(tree);
    return verdict === undefined ? [] : [{ ...verdict, isRight: isRight(verdict.verdict, tree.value) }];
  });
  const wrong = all.filter(each => !each.isRight && !isUnknown(each.verdict));
  return [
    all.length,
    all.filter(each => each.isRight).length,
    wrong.filter(({ verdict }) => isPass(verdict)).length,
    wrong.filter(({ verdict }) => !isPass(verdict)).length,
    all.filter(({ verdict }) => isUnknown(verdict)).length,
    medianSeconds(all),
  ].map(String);
}

/** @param {readonly AskedTree[]} trees */
function checkerOf(trees) {
  const at1 = trees.map(({ others }) => others.checkerAt1);
  const verdicts = [...new Set(at1.map(({ verdict }) => verdict))].join(', ');
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { value, others } of trees) {
    const cells = row([value, others.checkerAfterBoot.verdict]);
    counts.set(cells, (counts.get(cells) ?? 0) + 1);
  }
  return [
    `kernel-hardening-checker demands 3. It reads a text of \`sysctl -a\` (\`-s FILE\`) and no file of the tree, so it cannot tell what the next boot brings. With a running value of 1 it says \`${verdicts}\` on each of the ${trees.length} trees, in ${medianSeconds(at1)} s of processor time (median). With the value that the boot of the tree has brought it says:`,
    '',
    row(['the boot', 'kernel-hardening-checker', 'trees']),
    row(['---', '---', '--:']),
    ...[...counts].sort().map(([cells, count]) => `${cells} ${count} |`),
    '',
  ];
}

/** @param {Answers} answers */
function othersOf(answers) {
  /** @type {AskedTree[]} */
  const asked = TREES.flatMap(({ name, kind }) => {
    const { real, ours, others } = answers[name] ?? {};
    if (real === undefined || ours === undefined || others === undefined) return [];
    const { found, milliseconds } = ours;
    return [{ name, kind, value: real.value, ours: { verdict: verdictOfOurs(found), milliseconds }, others }];
  });
  if (asked.length === 0) return [];
  return [
    '## Other auditors',
    '',
    `${asked[0]?.others.versions.join(', ')}`,
    '',
    'OpenSCAP runs the rule sysctl_kernel_yama_ptrace_scope of the profile cis_level1_server, in the content for Debian 12 or 13. The rule passes 1, and neither 2 nor 3. The content for Debian 11 does not have the rule. Lynis runs the test KRNL-6000. It reads the running value alone and takes long, so it runs on three trees. Both run in the tree, with a running value of 1, as after `sysctl -w`.',
    '',
    'A verdict is right if it is a pass exactly where the boot brings 1 or more. The verdict `error` of OpenSCAP counts as unknown. Most of these trees are made to mislead an audit. So the counts are no measure of how often an auditor is wrong on real hosts. The times are processor times.',
    '',
    row([
      'trees',
      'auditor',
      'asked',
      'right',
      'false passes',
      'wrong failures',
      'unknown',
      'median, s of processor time',
    ]),
    row(['---', '---', '--:', '--:', '--:', '--:', '--:', '--:']),
    ...Object.entries(TITLES).flatMap(([kind, title]) => {
      const trees = asked.filter(each => each.kind === kind);
      return AUDITORS.map(auditor => [title, auditor.title, ...totalOf(trees, auditor)])
        .filter(([, , count]) => count !== '0')
        .map(row);
    }),
    '',
    row(['tree', 'the boot', ...AUDITORS.map(({ title }) => title)]),
    row(['---', '---', '---', '---', '---']),
    ...asked.map(tree =>
      row([
        tree.name,
        tree.value,
        ...AUDITORS.map(({ of }) => {
          const verdict = of(tree)?.verdict;
          return verdict === undefined ? '' : verdictCell(verdict, tree.value);
        }),
      ]),
    ),
    '',
    ...checkerOf(asked),
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
    `${judged.length} trees: the audit agrees with the boot on ${count('agrees')}, says unknown on ${count('unknown')}, is wrong on ${count('WRONG')}, and gives ${count('FALSE PASS')} false passes. An audit takes ${times[Math.floor(times.length / 2)]} ms of processor time (median, with the start of Node).`,
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
