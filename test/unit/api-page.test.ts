// docs/api.md is what its script writes from the types and docstrings now.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';

interface Written {
  text: string;
  faults: string[];
}

let written: Written;

beforeAll(async () => {
  const words = [join(ROOT, 'scripts/docs/api.mjs'), '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, words, { maxBuffer: 1 << 24 });
  written = JSON.parse(stdout);
});

it('docs/api.md is what its script writes from the types and docstrings now: npm run docs:api', () => {
  expect(readFileSync(join(ROOT, 'docs/api.md'), 'utf8')).toBe(written.text);
});

it('each export has a summary; each function says what it applies to, what it throws, and has an example', () => {
  expect(written.faults).toEqual([]);
});

it('its links lead to files and headings that are there', () => {
  const links = [...written.text.matchAll(/\]\((?!\))([^)#]*)(?:#([^)]*))?\)/g)];
  const files = links.map(([, file]) => file!).filter(file => file !== '');
  expect(files.filter(file => !existsSync(join(ROOT, 'docs', file)))).toEqual([]);
  const slugs = [...written.text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
  const times = (slug: string) => slugs.filter(each => each === slug).length;
  const isThere = (anchor: string) => {
    const [, slug = anchor, number = '0'] = /^(.+)-(\d)$/.exec(anchor) ?? [];
    return slugs.includes(anchor) || times(slug) > Number(number);
  };
  const anchors = links.filter(([, file]) => file === '').map(([, , anchor]) => anchor!);
  expect(anchors.length).toBeGreaterThan(100);
  expect(anchors.filter(anchor => !isThere(anchor))).toEqual([]);
});
