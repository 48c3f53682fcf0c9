import { stripVTControlCharacters, styleText } from 'node:util';

export { printable } from '../explain/printable.js';

export type Colour = 'red' | 'green' | 'yellow' | 'bold' | 'dim';

/** NO_COLOR and FORCE_COLOR as their conventions say; otherwise colour is for terminals. */
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

/** Lines as wide as the terminal, if it is one; what is cut is cut behind, and ends with an ellipsis. */
export function fitted(text: string): string {
  const { isTTY, columns } = process.stdout;
  if (!isTTY || !columns) return text;
  const cut = (line: string) => {
    const plain = stripVTControlCharacters(line);
    const surplus = plain.length - columns;
    // The last column alone has no colour, and may be long.
    return surplus > 0 ? `${line.slice(0, line.length - surplus - 1)}…` : line;
  };
  return text.split('\n').map(cut).join('\n');
}

export const asJson = (value: object): string => JSON.stringify({ schemaVersion: 1, ...value });

export function printJson(value: object): void {
  console.log(asJson(value));
}
