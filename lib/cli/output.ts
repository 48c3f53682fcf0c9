import { stripVTControlCharacters, styleText } from 'node:util';

import { SCHEMA_VERSIONS, type SchemaName } from '../schema-versions.js';

export { printable } from '../printable.js';

export type Colour = 'red' | 'green' | 'yellow' | 'bold' | 'dim';

/** NO_COLOR and FORCE_COLOR work as their conventions say. Without them only a terminal gets colour. */
function isColoured(stream: NodeJS.WriteStream): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR !== undefined) return process.env.FORCE_COLOR !== '0';
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

export function colour(style: Colour, text: string): string {
  return isColoured(process.stdout) ? styleText(style, text) : text;
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const width = (cell: string) => stripVTControlCharacters(cell).length;
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  }
  const line = (row: readonly string[]) =>
    row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell))).join('  ');
  return rows.map(row => line(row).trimEnd()).join('\n');
}

/** Cuts lines at the width of the terminal, with an ellipsis at the end. Without a terminal the text is unchanged. */
export function fitted(text: string): string {
  const { isTTY, columns } = process.stdout;
  return isTTY && columns
    ? text
        .split('\n')
        .map(line => cut(line, columns))
        .join('\n')
    : text;
}

/** The escape sequences of styleText(), which have no width. */
const STYLE = new RegExp(`(${String.fromCharCode(0x1b)}\\[\\d+m)`);

/** Cuts a line. All of its escape sequences are kept, so that no style stays on. */
export function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line;
  let left = columns - 1;
  const parts = line.split(STYLE).map((part, at) => {
    if (at % 2 === 1) return part;
    const kept = part.slice(0, left);
    left -= kept.length;
    return kept;
  });
  return `${parts.join('')}…`;
}

export const asJson = (schema: SchemaName, value: object): string =>
  JSON.stringify({ schemaVersion: SCHEMA_VERSIONS[schema], ...value });

export function printJson(schema: SchemaName, value: object): void {
  console.log(asJson(schema, value));
}
