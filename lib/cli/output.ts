import { stripVTControlCharacters, styleText } from 'node:util';

import { fold, widthOf } from '../explain/lines.js';
import { SCHEMA_VERSIONS, type SchemaName } from '../schema-versions.js';

export { fold } from '../explain/lines.js';
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

/** A text for a file has no colours, whatever standard output is, unless FORCE_COLOR asks for them. */
export const textFor = (output: string | undefined, text: string): string =>
  output === undefined || process.env.FORCE_COLOR !== undefined ? text : stripVTControlCharacters(text);

/** The columns of the terminal. Without a terminal lines have any length, or `otherwise`. */
export function textWidth(
  otherwise = Number.POSITIVE_INFINITY,
  stream: NodeJS.WriteStream = process.stdout,
): number {
  return stream.isTTY ? stream.columns || Number(process.env.COLUMNS) || 80 : otherwise;
}

/** Breaks the lines of a text at the width. What goes on is indented as its line. Commands and tables don't belong here. */
export const wrapped = (text: string, width = textWidth()): string =>
  text
    .split('\n')
    .map(line => {
      const start = line.trimStart();
      const indent = line.length - start.length;
      return ' '.repeat(indent) + fold(start, indent, width);
    })
    .join('\n');

/** Columns as wide as their widest cell. The last column is broken at the width. */
export function table(rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  const indent = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0);
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === widths.length - 1
          ? fold(cell, indent, width)
          : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)),
      )
      .join('  ');
  return rows.map(row => line(row).trimEnd()).join('\n');
}

/** Cuts lines at the width of the terminal, with an ellipsis at the end. Without a terminal the text is unchanged. */
export const fitted = (text: string): string =>
  text
    .split('\n')
    .map(line => cut(line, textWidth()))
    .join('\n');

/** The escape sequences of styleText(), which have no width. */
const STYLE = new RegExp(`(${String.fromCharCode(0x1b)}\\[\\d+m)`);

/** Cuts a line. All of its escape sequences are kept, so that no style stays on. */
export function cut(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
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
