// The settings that the two parsers read from a text. The cases follow parse_file() and parse_setting_line() of the
// loaders' sources.
import { expect, it } from 'vitest';
import { keyPath, type ParsedFile } from '../../lib/audit/sysctl/line.js';
import { loadOf } from '../../lib/audit/sysctl/loads.js';

const short = ({ lines }: ParsedFile) =>
  lines.map(
    ({ line, kind, key, value }) => `${line} ${kind} ${JSON.stringify(key)} ${JSON.stringify(value)}`,
  );
const parseSystemdSysctl = loadOf('systemd-sysctl', '252').parse;
const systemd = (text: string) => short(parseSystemdSysctl(text));
const procps = (text: string) => short(loadOf('procps', '4.0.2').parse(text));

it.each([
  ['a.b=1', '1 assignment "a/b" "1"'],
  ['a/b.c = 1 2 ', '1 assignment "a/b.c" "1 2"'],
  ['a.b/c=1', '1 assignment "a/b.c" "1"'],
  ['-a.b=1', '1 assignment "a/b" "1"'],
  ['-a.b', '1 exclusion "a/b" ""'],
  ['a.b 1', '1 malformed "a/b 1" ""'],
  ['\n\na.b="1" # c', '3 assignment "a/b" "\\"1\\" # c"'],
  ['a.b==1', '1 assignment "a/b" "=1"'],
  ['\xefa.b=\xff', '1 assignment "\xefa/b" "\xff"'],
  ['a.b=1\r\na.c=2\r\n', '1 assignment "a/b" "1",2 assignment "a/c" "2"'],
])('both: %j', (text, lines) => {
  expect(systemd(text).join()).toBe(lines);
  expect(procps(text).join()).toBe(lines);
});

it('comments are # and ; at the beginning, and only there', () => {
  for (const parse of [systemd, procps]) {
    expect(parse('# a.b=1\n ;a.b=1\n\t#\n;\n\n \n')).toEqual([]);
    expect(parse('a.b=#1')).toEqual(['1 assignment "a/b" "#1"']);
  }
});

it('CR and NUL end a line, and with it a comment, for systemd alone', () => {
  expect(systemd('# x\ra.b=1\0a.c=2')).toEqual(['1 assignment "a/b" "1"', '1 assignment "a/c" "2"']);
  expect(procps('# x\ra.b=1\0a.c=2')).toEqual([]);
  expect(systemd('a.b=1\0 2\nx.y=3')).toEqual([
    '1 assignment "a/b" "1"',
    '1 malformed "2" ""',
    '2 assignment "x/y" "3"',
  ]);
  expect(procps('a.b=1\0 2\nx.y=3')).toEqual(['1 assignment "a/b" "1"', '2 assignment "x/y" "3"']);
  expect(systemd('a.b=1\n\r\na.c=2')).toEqual(['1 assignment "a/b" "1"', '3 assignment "a/c" "2"']);
});

it('\\v and \\f are white space for procps alone', () => {
  expect(systemd('\va.b=1')).toEqual(['1 assignment "\\u000ba/b" "1"']);
  expect(procps('\va.b=\f1\v')).toEqual(['1 assignment "a/b" "1"']);
});

it('leading dashes: systemd takes one and following blanks, procps two and no blank', () => {
  expect(systemd('- a.b=1')).toEqual(['1 assignment "a/b" "1"']);
  expect(procps('- a.b=1')).toEqual(['1 assignment " a/b" "1"']);
  expect(systemd('--a.b=1')).toEqual(['1 assignment "-a/b" "1"']);
  expect(procps('--a.b=1')).toEqual(['1 assignment "a/b" "1"']);
});

it('systemd tidies a path, procps leaves it', () => {
  expect(systemd('/a//b/./c/=1')).toEqual(['1 assignment "a/b/c" "1"']);
  expect(procps('/a//b/./c/=1')).toEqual(['1 assignment "/a//b/./c/" "1"']);
});

it('a line of a MiB ends the file for systemd, and what came before it counts', () => {
  const comment = (length: number) => `#${'x'.repeat(length - 1)}`;
  const around = (length: number) => `a.b=1\n${comment(length)}\na.b=2\n`;
  expect(parseSystemdSysctl(around(2 ** 20))).toMatchObject({ lines: [{ value: '1' }], stoppedAt: 2 });
  expect(parseSystemdSysctl(around(2 ** 20 - 1))).toMatchObject({
    lines: [{ value: '1' }, { value: '2' }],
    stoppedAt: null,
  });
  expect(procps(around(2 ** 20))).toHaveLength(2);
});

it('a key with dots and a key with slashes give the same path', () => {
  expect(
    ['kernel.yama.ptrace_scope', 'kernel/yama/ptrace_scope', '/kernel/yama/ptrace_scope'].map(keyPath),
  ).toEqual(Array(3).fill('kernel/yama/ptrace_scope'));
  expect(keyPath('net.ipv4.conf.eth0/100.rp_filter')).toBe('net/ipv4/conf/eth0.100/rp_filter');
});
