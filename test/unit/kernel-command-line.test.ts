// Settings of sysctls on the kernel command line.
import { expect, it } from 'vitest';
import { commandLineWrites, handsOverSettings } from '../../lib/audit/sysctl/kernel-command-line.js';

const KEY = 'kernel/yama/ptrace_scope';
const values = (commandLine: string) =>
  commandLineWrites(commandLine, KEY).map(({ setting }) => setting.value);

// Each was given to Debian's linux.uml 6.1: docs/sysctl.md.
it.each([
  ['quiet sysctl.kernel.yama.ptrace_scope=2 ro', ['2']],
  ['sysctl/kernel/yama/ptrace_scope=3', ['3']],
  ['sysctl.kernel/yama.ptrace_scope=0', ['0']],
  ['sysctl.kernel..yama.ptrace_scope="2"', ['2']],
  ['"sysctl.kernel.yama.ptrace_scope=2 1"', ['2 1']],
  ['sysctl.kernel.yama.ptrace_scope=3 sysctl.kernel.yama.ptrace_scope=0', ['3', '0']],
  ['sysctl.kernel.yama.ptrace_scope', []],
  ['-- sysctl.kernel.yama.ptrace_scope=2', []],
  ['sysctl.kernel.yama.ptrace_scope.=2', []],
  ['sysctl.kernel.yama.ptrace-scope=2', []],
  ['init="/bin/x sysctl.kernel.yama.ptrace_scope=2"', []],
  ['xsysctl.kernel.yama.ptrace_scope=2', []],
])('%s', (commandLine, expected) => {
  expect(values(commandLine)).toEqual(expected);
});

it('a credential on the command line is found', () => {
  expect(handsOverSettings('systemd.set_credential=sysctl.extra:kernel.yama.ptrace_scope=0')).toBe(true);
  expect(handsOverSettings('systemd.set_credential=other:x')).toBe(false);
});
