// spawnDebugger(): a debugger of this process, held until it is allowed. test/scopes/debugger.scopes.test.ts has
// ptrace_scope 1.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readPtraceScope } from '../../lib/index.js';
import {
  AS_USER,
  closedTarget,
  isClosed,
  ObedientProcess,
  PUBLIC_DIST,
  privateDirectory,
  straceAttaches,
} from '../helpers/processes.js';

const LAUNCH = join(PUBLIC_DIST, '../native/build/Release/tracegate-launch');
const scope = readPtraceScope();
const ACCEPTED = { allowSameUid: true };

describe('spawnDebugger', () => {
  const file = () => join(privateDirectory(), 'output');

  it('runs gdb on this process, closed before and after', async () => {
    const target = await closedTarget();
    const args = ['-nx', '-batch', '-p', '{}', '-ex', 'backtrace 2'];
    const { code, end, said } = await target.call('debugMyself', 'gdb', args, ACCEPTED, file());
    expect(said).toMatch(/^#0 /m);
    expect({ code, end }).toEqual({ code: 0, end: { by: 'debugger-ended', stillTracedBy: null } });
    expect(isClosed(target.pid)).toBe(true);
    expect(await straceAttaches(target.pid, AS_USER)).toBeNull();
  });

  it('runs a known debugger without {}: its words for the pid come first; another program needs {}', async () => {
    const target = await ObedientProcess.start();
    const words = ['-nx', '-batch', '-ex', 'info inferiors'];
    const { code, said } = await target.call('debugMyself', 'gdb', words, ACCEPTED, file());
    expect(said).toContain(`process ${target.pid} `);
    expect(code).toBe(0);
    for (const command of ['py-spy', 'some-app']) {
      await expect(target.call('debugMyself', command, [], ACCEPTED, file())).rejects.toMatchObject({
        code: 'ERR_TRACEGATE_INVALID_OPTION',
        message: expect.stringMatching(/words with \{\} .*only gdb, lldb, strace, ltrace, .*are known/),
      });
    }
  });

  it('runs gcore, whose gdb is a child of it', async () => {
    const target = await ObedientProcess.start();
    const output = file();
    const prefix = ['-o', `${output}-core`, '{}'];
    const { code, said } = await target.call('debugMyself', 'gcore', prefix, ACCEPTED, output);
    expect(said).toContain(`Saved corefile ${output}-core.${target.pid}`);
    expect(code).toBe(0);
  });

  it('never runs a debugger that is not allowed', async () => {
    const target = await closedTarget();
    const [output, mark] = [file(), `${file()}-ran`];
    const start = target.call('debugMyself', 'sh', ['-c', `touch ${mark}; : {}`], {}, output);
    const refusal = { code: 'ERR_TRACEGATE_NOT_GRANTED' };
    if (scope.state === 'present' && scope.value === 1) expect(await start).toMatchObject({ code: 0 });
    else await expect(start).rejects.toMatchObject(refusal);
    expect(existsSync(mark)).toBe(scope.state === 'present' && scope.value === 1);
    expect(isClosed(target.pid)).toBe(true);
  });

  it('a held debugger ends with the process that holds it', async () => {
    const held = spawn(LAUNCH, ['--hold-fd=3', '--', 'sh', '-c', 'echo ran'], {
      ...AS_USER,
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    let said = '';
    held.stdout!.on('data', chunk => {
      said += chunk;
    });
    (held.stdio[3] as Writable).destroy();
    expect(await once(held, 'close')).toEqual([125, null]);
    expect(said).toBe('');
  });

  it.each<[string, string, string[], string, RegExp, object?]>([
    ['a program that is not there', 'nosuch', ['{}'], 'ENOENT', /spawn nosuch ENOENT/],
    ['one that is none', '/etc/passwd', ['{}'], 'EACCES', /spawn \/etc\/passwd EACCES/],
    ['no place for the pid', 'mydebugger', [], 'ERR_TRACEGATE_INVALID_OPTION', /\{\} where the pid belongs/],
    ['a shell', 'gdb', [], 'ERR_TRACEGATE_INVALID_OPTION', /shell must be left out/, { shell: true }],
  ])('%s', async (_, command, args, code, message, options = {}) => {
    const target = await closedTarget();
    const start = target.call('debugMyself', command, args, { ...ACCEPTED, ...options }, file());
    const failure = await start.then(
      ({ code: exitCode }) => ({ code: `exit ${exitCode}`, message: '' }),
      error => ({ code: error.code, message: error.message }),
    );
    // It may have been allowed before it failed: then its exit code shows the failure.
    if (/^exit 12[67]$/.test(failure.code)) expect(['ENOENT', 'EACCES']).toContain(code);
    else expect(failure).toEqual({ code, message: expect.stringMatching(message) });
    expect(isClosed(target.pid)).toBe(true);
  });
});
