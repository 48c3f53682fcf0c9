// Words of the command line that are accepted, refused, or corrected by a suggestion.
import { expect, it } from 'vitest';
import { parseNumber, parsePid, UsageError } from '../../lib/cli/command.js';
import { findCommand } from '../../lib/cli/commands.js';
import { parseCommandLine, suggestion } from '../../lib/cli/parse.js';

const probe = (await findCommand('probe'))!;

it.each(['0', '-1', '2147483648', '4294967297', 'abc', '1e3', ' 1', '1 ', '0x10', '', '1.5', '١'])(
  '%j is no pid',
  text => {
    expect(() => parsePid(text)).toThrow(UsageError);
  },
);

it('a number is decimal digits', () => {
  expect(parseNumber('0012')).toBe(12);
  expect(parseNumber('1e3')).toBeNull();
});

it('a similar command is suggested, and a different one is not', async () => {
  expect(await suggestion('prob', ['probe', 'status'])).toBe('; did you mean probe?');
  expect(await suggestion('zzzzzz', ['probe', 'status'])).toBe('');
  await expect(parseCommandLine(probe, ['--metod', 'seize', '1'])).rejects.toThrow(
    /no option --metod; did you mean --method\?/,
  );
});

it('an option without its value, a doubled dash, an unknown short option are refused', async () => {
  await expect(parseCommandLine(probe, ['--method'])).rejects.toThrow(UsageError);
  await expect(parseCommandLine(probe, ['--json=yes'])).rejects.toThrow(UsageError);
  await expect(parseCommandLine(probe, ['-x'])).rejects.toThrow(UsageError);
});

it('a second value of an option is refused, unless the option takes several', async () => {
  await expect(parseCommandLine(probe, ['--method', 'seize', '--method=attach', '1'])).rejects.toThrow(
    '--method is given twice: "seize" and "attach"',
  );
  const audit = (await findCommand('audit'))!;
  const { values } = await parseCommandLine(audit, ['--root', '/a', '--root', '/b', '--json', '--json']);
  expect(values).toEqual({ root: ['/a', '/b'], json: true });
});
