import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { expandBraces, matchesName, matchesPath } from '../../lib/audit/glob.js';

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

// glibc's fnmatch(3) by way of Python's ctypes; 4 is FNM_PERIOD.
it('a name matches a component as fnmatch(3) has it', () => {
  const script = `
import ctypes, json, sys
libc = ctypes.CDLL(None)
names, patterns = json.load(sys.stdin)
print(json.dumps([[libc.fnmatch(p.encode('latin1'), n.encode('latin1'), 4) == 0 for n in names] for p in patterns]))`;
  const input = JSON.stringify([NAMES, PATTERNS]);
  const real = JSON.parse(
    execFileSync('python3', ['-c', script], { input, encoding: 'utf8' }),
  ) as boolean[][];
  for (const [at, pattern] of PATTERNS.entries())
    expect({ pattern, found: NAMES.filter(name => matchesName(pattern, name)) }).toEqual({
      pattern,
      found: NAMES.filter((_, index) => real[at]![index]),
    });
});

it('what is not modelled is not guessed', () => {
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
  expect(['{}a', '{a', 'a}', '\\{a,b\\}'].flatMap(expandBraces)).toEqual(['{}a', '{a', 'a}', '\\{a,b\\}']);
});
