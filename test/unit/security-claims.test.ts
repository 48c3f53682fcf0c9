// Each claim of SECURITY.md has a footnote, and each footnote names tests that there are.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';

const page = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
/** Sections without claims: how to read the page, the attacker, and how to report. */
const WITHOUT_CLAIMS = ['Security', 'Reporting'];
const ATTACKER = /^The attacker is .*$/m;

const NOTE = /^\[\^([\w-]+)\]: (.*)$/gm;
const notes = new Map([...page.matchAll(NOTE)].map(([, name = '', text = '']) => [name, text]));
const body = page.replace(NOTE, '');
const named = [...body.matchAll(/\[\^([\w-]+)\]/g)].map(([, name = '']) => name);

/** Paragraphs, bullets and rows of tables, each on one line. */
function blocksOf(section: string): string[] {
  return section
    .split(/\n{2,}|\n(?=[-|] ?)/)
    .map(block => block.replace(/\s+/g, ' ').trim())
    .filter(block => block !== '' && !/^\|[-| ]+\|$/.test(block));
}

/** The sentences of a block that end without a footnote; of a row the whole. Bold words at its beginning are its name. */
function unprovenIn(block: string): string[] {
  if (block.startsWith('|')) return /\[\^/.test(block) || /^\| attempt \|/.test(block) ? [] : [block];
  const text = block.replace(/^- (\*\*[^*]+\.\*\*)?/, '').trim();
  return text
    .split(/(?<=[.!?](?:\[\^[\w-]+\])*) +/)
    .filter(sentence => !/[.!?](\[\^[\w-]+\])+$/.test(sentence));
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A test, or a row of a table of tests, of that title, and none that is always skipped. */
function hasTest(source: string, title: string): boolean {
  // In the source a quote may have its backslash.
  const written = escaped(title).replace(/'/g, "\\\\?'");
  const start = '(?<!\\.(?:skip|todo))\\(\\s*|\\b(?:name|rule): |\\bTITLE = ';
  return new RegExp(`(?:${start})(['"\`])(?:\\$\\{\\w+\\}: )?${written}\\1`).test(source);
}

describe('SECURITY.md', () => {
  const sections = body
    .split(/^#{1,2} /m)
    .slice(1)
    .map(section => {
      const [title = '', ...lines] = section.split('\n');
      return { title, text: lines.join('\n') };
    });

  it.each(sections.filter(({ title }) => !WITHOUT_CLAIMS.includes(title)))(
    'each claim names its tests: $title',
    ({ text }) => {
      const blocks = blocksOf(text).filter(block => !ATTACKER.test(block));
      expect(blocks.length).toBeGreaterThan(3);
      expect(blocks.flatMap(unprovenIn)).toEqual([]);
    },
  );

  it('each footnote exists, and has a claim', () => {
    expect(named.filter(name => !notes.has(name))).toEqual([]);
    expect([...notes.keys()].filter(name => !named.includes(name))).toEqual([]);
  });

  it.each([...notes])('[^%s] names existing tests', (_, text) => {
    const files = [...text.matchAll(/\[([^\]]+)\]\(([^)]+)\): ((?:"[^"]+"(?:, )?)+)(?:; |$)/g)];
    expect(files.map(([whole]) => whole).join('')).toBe(text);
    for (const [, label, path = '', titles = ''] of files) {
      expect(label).toBe(path);
      expect(path).toMatch(/^test\/.*\.ts$|^scripts\/test\/[\w-]+\.mjs$/);
      expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
      const source = readFileSync(join(ROOT, path), 'utf8');
      for (const [, title = ''] of titles.matchAll(/"([^"]+)"/g))
        expect([path, title, hasTest(source, title)]).toEqual([path, title, true]);
    }
  });
});
