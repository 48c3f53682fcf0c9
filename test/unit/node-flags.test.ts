// Node's options that open something to other processes, or write secrets to files. test/fixtures/node-flags.json
// classifies each option of Node 20 to 26; npm run test:node-versions compares the list with each version.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { doorFlags } from '../../lib/kernel/node-exposure.js';
import { openingOptions, splitNodeOptions } from '../../lib/kernel/node-flags.js';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures');
const DECIDED = JSON.parse(readFileSync(join(FIXTURES, 'node-flags.json'), 'utf8')) as Record<
  string,
  string[]
>;
const NODE: { names: string[]; withValue: string[] } = JSON.parse(
  execFileSync(process.execPath, [join(FIXTURES, 'node-flags.mjs')], { encoding: 'utf8' }),
);

it('each option of this Node is classified', () => {
  const decided = new Set(Object.values(DECIDED).flat());
  expect(NODE.names.filter(name => !decided.has(name))).toEqual([]);
  expect(NODE.names.length).toBeGreaterThan(150);
});

it.each(Object.entries(DECIDED))('exactly the listed options open %s', (opens, names) => {
  const others = names.filter(name => (openingOptions([`--${name}`])[0]?.opens ?? 'nothing') !== opens);
  expect(others).toEqual([]);
});

it('an option whose value is the next word does not hide what comes after it', () => {
  const hidden = NODE.withValue.filter(
    option =>
      !doorFlags(['node', option, 'value', '--inspect', 'app.js', ''].join('\0')).includes('--inspect'),
  );
  expect(hidden).toEqual([]);
  expect(NODE.withValue.length).toBeGreaterThan(30);
  expect(doorFlags('node\0app.js\0--inspect\0')).toEqual([]);
  // Node 26.
  expect(doorFlags('node\0--vfs-mount\0value\0--inspect\0app.js\0')).toEqual(['--inspect']);
});

it.each([
  [['--tls_keylog=keys'], ['--tls_keylog=keys']],
  [['--prof', '--no-prof'], []],
  [['--no-prof', '--prof'], ['--prof']],
  [['--heapsnapshot-near-heap-limit=0'], []],
  [['--inspect=0'], ['--inspect=0']],
  // V8's own, which --help doesn't list.
  [
    ['--heap-snapshot-on-gc=0', '--ll-prof'],
    ['--heap-snapshot-on-gc=0', '--ll-prof'],
  ],
  [['--heapsnapshot-near-heap-limit=3'], ['--heapsnapshot-near-heap-limit=3']],
  [['--profile', '--tls-keylogger', 'prof', '-prof'], []],
])('of %j these open something: %j', (words, opening) => {
  expect(openingOptions(words).map(({ word }) => word)).toEqual(opening);
});

// Node's own reading is the oracle, by an option whose value it shows.
it.each([
  '--title=plain',
  '--title="a b"',
  '--title="a \\"b\\" \\\\ c"  --no-warnings',
  '"--title=whole word"',
  '--title=x --title=a""b',
])('NODE_OPTIONS is split as Node does it: %s', options => {
  const { PATH } = process.env;
  const title = execFileSync(process.execPath, ['-p', 'process.title'], {
    env: { PATH, NODE_OPTIONS: options },
    encoding: 'utf8',
  });
  const words = splitNodeOptions(options).filter(word => word.startsWith('--title='));
  expect(words.at(-1)).toBe(`--title=${title.trimEnd()}`);
});
