// Each table of figures in docs/ has the format of the script that writes it: scripts/bench/figures.mjs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blockOf, headOf, TABLES } from '../../scripts/bench/figures.mjs';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe.each(Object.entries(TABLES))('the figures %s', (name, table) => {
  const lines = (blockOf(name).exec(read(table.page))?.[0] ?? '').trimEnd().split('\n');

  it('say on which machine they were measured, and by which command', () => {
    expect(lines[0]).toMatch(/^Linux \S+, \d+ CPUs?, Node v\d+\S*; by `node scripts\/(bench|test)\/\S+\.mjs/);
    expect(lines[0]).toContain(headOf(table).caption);
  });

  it('have the head and the rows that the script writes, and a value in each cell', () => {
    expect(lines.slice(2, 4)).toEqual(headOf(table).head);
    const rows = lines.slice(4).map(line => line.slice(2, -2).split(' | '));
    expect(rows.map(([label]) => label)).toEqual(table.rows);
    for (const row of rows) expect(row.length).toBe(table.head.length);
  });

  it('are measured by a script that reports them', () => {
    const script = /scripts\/(bench|test)\/[\w-]+\.mjs/.exec(table.command)?.[0] ?? '';
    expect(existsSync(join(ROOT, script))).toBe(true);
    expect(read(script)).toMatch(new RegExp(`report\\(\\s*'${name}'`));
  });
});

it('each block of figures in docs/ has a format', () => {
  const pages = readdirSync(join(ROOT, 'docs')).filter(name => name.endsWith('.md'));
  const names = pages.flatMap(page =>
    [...read(`docs/${page}`).matchAll(/<!-- figures: (\S+) -->/g)].map(([, name]) => name),
  );
  expect(names.sort()).toEqual(Object.keys(TABLES).sort());
});
