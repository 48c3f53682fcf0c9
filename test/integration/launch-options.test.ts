// The options of `run`: lib/kernel/launch-options.ts, compared with the launcher's own table in
// native/launch/options.cc. The launcher runs without Node, so it has a table of its own. It is asked about each
// option, value and refusal.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  INNER_OPTIONS,
  LAUNCH_OPTIONS,
  type LaunchOptionName,
  optionsIn,
  refusalOf,
  takesValue,
  takesValues,
  valuesShown,
} from '../../lib/kernel/launch-options.js';
import { PUBLIC_DIST, privateDirectory, ROOT } from '../helpers/processes.js';
import { SEED, times } from '../helpers/tier.js';

const LAUNCH = join(PUBLIC_DIST, '..', 'native', 'build', 'Release', 'tracegate-launch');
const NAMES = Object.keys(LAUNCH_OPTIONS) as LaunchOptionName[];
/** Options that are accepted lead to this, which is not found or, without Yama, not even looked for. */
const COMMAND = ['--', '/no/such/command'];
const USAGE = 2;

const asked = ([program = '', ...words]: readonly string[]) => {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  return { isAccepted: status !== USAGE, status, stderr };
};
const launcher = (...words: string[]) => asked([LAUNCH, ...words]);

/** `tracegate run` by the short way, which loads no more than the table, and by the long one. */
const ENTRANCES = ['tracegate.cjs', 'cli.cjs'].map(name => [
  process.execPath,
  join(PUBLIC_DIST, name),
  'run',
]);

const ACCEPTED = NAMES.flatMap(name => {
  const { values, number } = LAUNCH_OPTIONS[name];
  return [...values, ...(number === null ? [] : ['1', '007', '2147483647'])].map(value => ({ name, value }));
});

/** The words that give an option a value. The report is that of another option. */
const giving = (name: LaunchOptionName, value: string) => [
  ...(name === 'report-fd' ? ['--confine'] : []),
  `--${name}=${value}`,
];

const ALL_VALUES = NAMES.flatMap(name => [...LAUNCH_OPTIONS[name].values]);
const WRONG = ['', '0', '-1', '+1', '1.5', '0x1', ' 1', '1 ', '1e3', '2147483648', '9'.repeat(30), '--'];
const REFUSED = NAMES.filter(takesValues).flatMap(name =>
  [...WRONG, '7', ...ALL_VALUES, ...ALL_VALUES.flatMap(value => [`${value}x`, value.toUpperCase()])]
    .filter(value => !ACCEPTED.some(each => each.name === name && each.value === value))
    .filter(value => value !== '7' || LAUNCH_OPTIONS[name].number === null)
    .map(value => ({ name, value })),
);

const shownOf = (name: LaunchOptionName) =>
  !takesValues(name)
    ? `[--${name}]`
    : LAUNCH_OPTIONS[name].implied === null
      ? `[--${name} ${valuesShown(name)}]`
      : `[--${name}[=${valuesShown(name)}]]`;
const SHOWN = NAMES.map(shownOf).join(' ');

it('the launcher, the help and the docs show the options and values of the table', () => {
  expect(launcher('--help').stderr).toContain(`usage: tracegate-launch ${SHOWN} -- CMD`);
  const help = execFileSync(process.execPath, [join(PUBLIC_DIST, 'cli.cjs'), 'run', '--help'], {
    encoding: 'utf8',
  });
  for (const name of NAMES) expect(help).toContain(shownOf(name).slice(1, -1));
  expect(readFileSync(join(ROOT, 'docs', 'launch.md'), 'utf8')).toContain(`tracegate run ${SHOWN}`);
});

it('each value of the table is accepted by the table and the launcher', () => {
  const refused = ACCEPTED.filter(
    ({ name, value }) => !takesValue(name, value) || !launcher(...giving(name, value), ...COMMAND).isAccepted,
  );
  expect(refused).toEqual([]);
  const asTwoWords = ACCEPTED.filter(({ name }) => LAUNCH_OPTIONS[name].implied === null);
  expect(
    asTwoWords.filter(({ name, value }) => !launcher('--confine', `--${name}`, value, ...COMMAND).isAccepted),
  ).toEqual([]);
});

it('each other value is refused by the table and the launcher, in the same words', () => {
  expect(REFUSED.length).toBeGreaterThan(50);
  expect(REFUSED.filter(({ name, value }) => takesValue(name, value))).toEqual([]);
  for (const { name, value } of REFUSED) {
    const { status, stderr } = launcher(`--${name}=${value}`, ...COMMAND);
    expect({ status, stderr }).toEqual({
      status: USAGE,
      stderr: expect.stringMatching(/^tracegate: .+; usage: /),
    });
    expect(stderr).toContain(`tracegate: ${refusalOf(name, value)}; usage: `);
  }
});

it('the table and the launcher agree about random options', () => {
  const part = fc.constantFrom(...ALL_VALUES, '1', '0', '42', '2147483648', 'x', '-', '=', ' ', '');
  const value = fc.array(part, { maxLength: 3 }).map(parts => parts.join(''));
  const name = fc.constantFrom(...NAMES, 'denied', 'Deny', 'cor', 'grant-socket');
  const word = fc
    .tuple(fc.constantFrom('--', '--', '--', '-', ''), name, fc.option(value, { nil: null }))
    .map(([dashes, option, text]) => `${dashes}${option}${text === null ? '' : `=${text}`}`)
    // Without `=` its value is the next word: the short way leaves such options to cli.cjs.
    .filter(text => !['--ptracer', '--core', '--report-fd'].includes(text));
  const words = fc.array(word, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(words, options => {
      expect({ options, isAccepted: optionsIn(options) !== null }).toEqual({
        options,
        isAccepted: launcher(...options, ...COMMAND).isAccepted,
      });
    }),
    { numRuns: times(200, 10_000), seed: SEED },
  );
});

const TOGETHER: [string[], boolean][] = [
  [['--deny'], true],
  [['--deny', '--core=off'], true],
  [['--deny', '--ptracer=none'], true],
  [['--ptracer=none', '--deny=preload'], true],
  [['--ptracer=any', '--core=off'], true],
  [['--ptracer=tree', '--core=off'], true],
  [['--ptracer=any', '--tree'], true],
  [['--tree', '--ptracer=1'], true],
  [['--tree'], false],
  [['--tree', '--core=off'], false],
  [['--tree=yes', '--ptracer=any'], false],
  [['--ptracer=none', '--tree'], false],
  [['--ptracer=tree', '--tree'], false],
  [['--tree', '--tree', '--ptracer=any'], true],
  [['--deny', '--ptracer=tree'], false],
  [['--deny=preload', '--ptracer=any', '--tree'], false],
  [['--confine'], true],
  [['--confine=all', '--deny', '--report-fd=2'], true],
  [['--confine', '--ptracer=any'], true],
  [['--report-fd=2'], false],
  [['--confine', '--report-fd=0'], false],
  [['--confine=none'], false],
  [['--deny', '--ptracer=any'], false],
  [['--ptracer=1', '--deny=detached'], false],
  [['--ptracer=any', '--ptracer=none'], false],
  [['--deny', '--deny'], false],
  [['--ptracer=none', '--ptracer=1', '--deny'], false],
  [['--deny', 'sealed'], false],
  [['--deny=other'], false],
  [['--ptracer=0'], false],
  [['--core=on'], false],
  [['--core'], false],
  [['--denied'], false],
  [['-d'], false],
];

it.each(TOGETHER)('run and the launcher agree about %j: accepted %s', (options, expected) => {
  for (const program of [[LAUNCH], ...ENTRANCES]) {
    const { isAccepted, stderr } = asked([...program, ...options, ...COMMAND]);
    expect({ program, isAccepted, stderr: stderr !== '' }).toEqual({
      program,
      isAccepted: expected,
      stderr: true,
    });
  }
});

it.each([
  [['--tree'], 'give --ptracer PID or --ptracer any'],
  [['--tree', '--ptracer=none'], 'give --ptracer PID or --ptracer any'],
  [['--tree', '--ptracer=tree'], 'leave out --tree'],
  [['--deny', '--ptracer=tree'], '--ptracer allows a debugger and --deny refuses it: choose one'],
])('run and the launcher refuse %j with the same reason', (options, reason) => {
  for (const program of [[LAUNCH], ...ENTRANCES])
    expect(asked([...program, ...options, ...COMMAND]).stderr).toContain(reason);
});

it.each([
  ['no command', ['--core=off', '--']],
  ['no --', ['--core=off', 'true']],
  ['nothing', []],
])('run and the launcher refuse a line with %s', (_, words) => {
  for (const program of [[LAUNCH], ...ENTRANCES]) {
    expect({ program, status: asked([...program, ...words]).status }).toEqual({ program, status: USAGE });
  }
});

it('the short way needs no other file of dist/', () => {
  const copy = privateDirectory();
  const files = ['package.json', 'dist/tracegate.cjs'];
  for (const file of files) cpSync(join(PUBLIC_DIST, '..', file), join(copy, file));
  symlinkSync(join(PUBLIC_DIST, '..', 'native'), join(copy, 'native'));
  const short = [process.execPath, join(copy, 'dist/tracegate.cjs'), 'run'];
  for (const { name, value } of ACCEPTED) {
    expect(asked([...short, ...giving(name, value), ...COMMAND]).stderr).toMatch(/^tracegate: /);
  }
  expect(asked([...short, '--core=off', '--', 'true'])).toMatchObject({ status: 0, stderr: '' });
  // This one is that of cli.cjs.
  expect(asked([...short, '--core=on', '--', 'true']).stderr).toContain('MODULE_NOT_FOUND');
});

/** Of each option that tracegate itself gives: words that the launcher refuses, and a part of what it says. */
const INNER: Record<keyof typeof INNER_OPTIONS, [words: string[], says: string]> = {
  'hold-fd': [['--hold-fd=2'], '--hold-fd "2": use the number of a descriptor'],
  'remove-socket': [['--hold-fd=3', '--remove-socket=x'], '--remove-socket "x": it is DEVICE:INODE:PATH'],
  'die-with-parent': [['--die-with-parent', '--core=x'], '--core "x"'],
  environment: [['--environment=x'], '--environment "x": it is FD:BYTES'],
  setenv: [['--setenv=x'], '--setenv "x": it is NAME=VALUE'],
};

it.each(Object.entries(INNER))('the launcher knows --%s, and run does not', (name, [words, says]) => {
  const command = name === 'remove-socket' ? [] : COMMAND;
  expect(launcher(...words, ...command)).toMatchObject({
    status: USAGE,
    stderr: expect.stringContaining(`tracegate: ${says}`),
  });
  for (const entrance of ENTRANCES) {
    const { status, stderr } = asked([...entrance, `--${name}=x`, ...COMMAND]);
    expect({ status, stderr }).toEqual({
      status: USAGE,
      stderr: expect.stringContaining(`run has no option --${name}`),
    });
  }
});

it('the launcher knows no option beside those of the table', () => {
  const source = readFileSync(join(ROOT, 'native', 'launch', 'options.cc'), 'utf8');
  const known = [...source.matchAll(/^ {4}\{"--([a-z-]+)", /gm)].map(([, name]) => name);
  expect(known).toEqual([...NAMES, ...Object.keys(INNER_OPTIONS)]);
});
