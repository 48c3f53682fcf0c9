// The patterns of sysctl.d, compared with fnmatch(3).
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { expandBraces, matchesName, matchesPath } from '../../lib/audit/sysctl/glob.js';
import { SEED } from '../helpers/tier.js';

const NAMES = [
  'yama',
  'yamb',
  'Yama',
  '.yama',
  'y]ma',
  'y-ma',
  'y\\ma',
  'y[a',
  'y',
  'ya{a',
  'y!ma',
  'y^ma',
  'y ma',
  'y7ma',
];
const PATTERNS = [
  '*',
  'y*',
  'y?ma',
  '.*',
  '?yama',
  '[.]yama',
  'y[a]ma',
  'y[!a]ma',
  'y[^a]ma',
  'y[]]ma',
  'y[]a]ma',
  'y[!]]ma',
  'y[a-z]ma',
  'y[z-a]ma',
  'y[a-]ma',
  'y[-a]ma',
  'y[[:alpha:]]ma',
  'y[[:upper:][:digit:]]ma',
  'y[[:punct:]]ma',
  'y[[:space:]]ma',
  'y[a',
  'y\\[a',
  'y\\\\ma',
  'y[\\]]ma',
  'y[\\a]ma',
  '\\y*',
  '*a',
  '*m?',
  '**',
  'y[',
  'y[!',
  '\\.yama',
];

/** glibc's fnmatch(3) by way of Python's ctypes; 4 is FNM_PERIOD. */
function fnmatch(names: string[], patterns: string[]): string[][] {
  const script = `
import ctypes, json, sys
libc = ctypes.CDLL(None)
names, patterns = json.load(sys.stdin)
print(json.dumps([[n for n in names if libc.fnmatch(p.encode('latin1'), n.encode('latin1'), 4) == 0] for p in patterns]))`;
  const input = JSON.stringify([names, patterns]);
  return JSON.parse(execFileSync('python3', ['-c', script], { input, encoding: 'utf8' }));
}

const matching = (names: string[], patterns: string[]) =>
  patterns.map(pattern => names.filter(name => matchesName(pattern, name)));

it('a name matches a component as fnmatch(3) has it', () => {
  const real = fnmatch(NAMES, PATTERNS);
  for (const [at, found] of matching(NAMES, PATTERNS).entries())
    expect({ pattern: PATTERNS[at], found }).toEqual({ pattern: PATTERNS[at], found: real[at] });
});

// Without dots: glibc takes one behind `*?` for a leading period where a bracket follows, and no key has any.
it('a thousand random names match as fnmatch(3) does', () => {
  const letters = (alphabet: string[], most: number) =>
    fc.array(fc.constantFrom(...alphabet), { maxLength: most }).map(all => all.join(''));
  const patterns = fc.sample(letters([...'aab-**?\\', '[a]', '[!b]', '[]a-]'], 8), {
    numRuns: 1000,
    seed: SEED,
  });
  const names = fc.sample(letters([...'aaab-*\\'], 6), { numRuns: 50, seed: SEED });
  const real = fnmatch(names, patterns);
  for (const [at, found] of matching(names, patterns).entries())
    expect({ pattern: patterns[at], found }).toEqual({ pattern: patterns[at], found: real[at] });
});

it('takes no exponential time for any pattern', () => {
  expect(matchesName(`${'*'.repeat(40)}x`, 'ptrace_scope')).toBe(false);
  expect(matchesName('*a'.repeat(40), 'a'.repeat(39))).toBe(false);
  expect(matchesName('*a'.repeat(40), 'a'.repeat(40))).toBe(true);
  expect(matchesName('*'.repeat(1025), 'a')).toBeNull();
  expect(matchesName('['.repeat(1024), 'a')).toBe(false);
});

it('a pattern that is not modelled gives no answer', () => {
  expect(matchesName('[[.y.]]ama', 'yama')).toBeNull();
  expect(matchesName('[[=y=]]ama', 'yama')).toBeNull();
  expect(matchesPath('kernel/[[.y.]]ama/x', 'kernel/yama/x')).toEqual({ matches: 'uncertain' });
  expect(matchesPath('kernel/*/../yama/x', 'kernel/yama/x')).toEqual({ matches: 'uncertain' });
  expect(matchesPath('kernel/*/../yama/other', 'kernel/yama/x')).toEqual({ matches: 'no' });
});

it('a found path keeps the slashes of the pattern', () => {
  expect(matchesPath('/kernel//y*/./x', 'kernel/yama/x')).toEqual({
    matches: 'yes',
    as: '/kernel//yama/./x',
  });
  expect(matchesPath('kernel/*', 'kernel/yama/x')).toEqual({ matches: 'no' });
  expect(matchesPath('kernel/*/x/', 'kernel/yama/x')).toEqual({ matches: 'no' });
  expect(matchesPath('kernel/*/x/*', 'kernel/yama/x')).toEqual({ matches: 'no' });
});

it('braces', () => {
  expect(expandBraces('a{b,c{d,e}}f')).toEqual(['abf', 'acdf', 'acef']);
  expect(expandBraces('{,x}{a}')).toEqual(['a', 'xa']);
  expect(['{}a', '{a', 'a}', '\\{a,b\\}'].flatMap(each => expandBraces(each) ?? [])).toEqual([
    '{}a',
    '{a',
    'a}',
    '\\{a,b\\}',
  ]);
});

it('braces that stand for more than a thousand patterns are not followed', () => {
  expect(expandBraces('{a,b}'.repeat(8))).toHaveLength(256);
  expect(expandBraces('{a,b}'.repeat(24))).toBeNull();
  expect(expandBraces(`{${'a,'.repeat(2000)}}`)).toBeNull();
  expect(expandBraces('{'.repeat(1024))).toEqual(['{'.repeat(1024)]);
});
