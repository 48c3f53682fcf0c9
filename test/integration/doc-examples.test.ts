// Each example of README.md and docs/ runs as pasted, and prints what its comments say.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';
import { BY_USER_TOO } from '../helpers/tier.js';

/** The blocks of JavaScript in a page, each with its page and heading. */
function examplesOf(page: string): [title: string, code: string][] {
  const found: [string, string][] = [];
  let heading = '';
  const parts = readFileSync(join(ROOT, page), 'utf8').matchAll(
    /^#+ (.+)$|^```(?:js|javascript|mjs)\n([\s\S]*?)^```$/gm,
  );
  for (const [, title, code] of parts) {
    if (title !== undefined) heading = title.replaceAll('`', '');
    else found.push([`${page}: ${heading}`, code!]);
  }
  return found;
}

/** The expected output of the example: the comments behind console.log(). */
const printsOf = (code: string) =>
  [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, said]) => said);

/** Runs it as an ES module inside the package, where `tracegate` is the package itself. */
async function run(code: string): Promise<{ printed: string; failure: string }> {
  const node = spawn(process.execPath, ['--input-type=module'], { cwd: ROOT });
  node.stdin.end(code);
  const [printed, errors, [exitCode, signal]] = await Promise.all([
    text(node.stdout),
    text(node.stderr),
    once(node, 'close'),
  ]);
  return { printed, failure: exitCode === 0 ? '' : `${signal ?? exitCode}: ${errors}` };
}

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map(name => `docs/${name}`)].filter(name =>
  name.endsWith('.md'),
);

describe.concurrent(
  'each example in the docs runs as it stands, and prints what its comments say',
  BY_USER_TOO,
  () => {
    it.for(pages.flatMap(examplesOf))('%s', async ([, code]) => {
      const { printed, failure } = await run(code);
      expect(failure).toBe('');
      expect(printed.split('\n').slice(0, -1)).toEqual(printsOf(code));
    });
  },
);
