// Pages that name parts of the repository: docs/explain.md, docs/architecture.md and docs/tests.md.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { REFERENCES } from '../../lib/policy/access/verdict.js';
import { SITUATIONS } from '../../scripts/docs/explain.mjs';
import { ROOT } from '../helpers/processes.js';

const page = readFileSync(join(ROOT, 'docs', 'explain.md'), 'utf8');

it('docs/explain.md has every situation of its script, with the deciding rule and the text of the script', () => {
  const rows = [...page.matchAll(/^\| \[(.+?)\]\(.* \| `(.+)` \|$/gm)].map(([, title, rule]) => [
    title,
    rule,
  ]);
  expect(rows).toEqual(SITUATIONS.map(({ title, rule }) => [title, rule]));
  const sections = [...page.matchAll(/^## \d+\. (.+)\n\n(.+)$/gm)].map(([, title, what]) => [title, what]);
  expect(sections).toEqual(SITUATIONS.map(({ title, what }) => [title, what]));
  expect(rows.filter(([, rule]) => !Object.hasOwn(REFERENCES, rule!))).toEqual([]);
});

it('docs/architecture.md names files and folders that are there', () => {
  const text = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');
  const named = new Set(
    text.match(/\b(?:lib|native|test|scripts|schemas|profiles|integrations)\/[\w./-]*\w/g),
  );
  expect(named.size).toBeGreaterThan(30);
  expect([...named].filter(path => !existsSync(join(ROOT, path)))).toEqual([]);
});

it('each test file begins with a comment, whose first sentence docs/tests.md has', () => {
  const files = ['unit', 'integration', 'scopes'].flatMap(folder =>
    readdirSync(join(ROOT, 'test', folder))
      .filter(name => name.endsWith('.test.ts'))
      .map(name => join(ROOT, 'test', folder, name)),
  );
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter(file => !/^(?:\/\/ |\/\*\n)/.test(readFileSync(file, 'utf8')))).toEqual([]);
});
