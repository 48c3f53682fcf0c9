// Lines that are cut at the width of the terminal.
import { stripVTControlCharacters, styleText } from 'node:util';
import { expect, it } from 'vitest';
import { cut } from '../../lib/cli/output.js';

const red = (text: string) => styleText('red', text, { validateStream: false });
const line = `1  ${red('open to uid 1000')}  ${styleText('bold', 'PROGRAM', { validateStream: false })}`;

it('a line is as wide as the terminal, and leaves no style on', () => {
  for (let columns = 1; columns < 40; columns++) {
    const shown = cut(line, columns);
    const plain = stripVTControlCharacters(line);
    const fits = plain.length <= columns;
    expect(stripVTControlCharacters(shown)).toBe(fits ? plain : `${plain.slice(0, columns - 1)}…`);
    // Each that begins ends, and none is cut in two.
    const styles = shown.split('\u001b').slice(1);
    expect(styles.map(text => /^\[\d+m/.exec(text)?.[0])).toEqual(['[31m', '[39m', '[1m', '[22m']);
  }
});
