// The results of attacks as cells of a Markdown table: docs/channels.md and docs/confine.md.

/** @typedef {import('../../test/channels/thief.js').Outcome} Outcome */

/** @param {Outcome} outcome */
export function cell(outcome) {
  switch (outcome.state) {
    case 'leaks':
      return `**leaks** ${outcome.places.join(', ')}`;
    case 'opens':
      return '**opens**';
    case 'refused':
      return outcome.by;
    case 'absent':
      return '–';
  }
}

/** @param {string[]} cells */
const row = cells => `| ${cells.join(' | ')} |`;

/** @param {string[]} head @param {string[][]} rows */
export const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

/** @param {Outcome[]} outcomes the distinct results of all kernels that have the way */
export const union = outcomes =>
  [...new Set(outcomes.filter(({ state }) => state !== 'absent').map(cell))].join('; ');
