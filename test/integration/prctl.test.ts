// setPtracer() and setDumpable(), compared with the prctl calls that strace sees.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { readPtraceScope } from '../../lib/index.js';
import { DIST, ObedientProcess } from '../helpers/processes.js';

/** The prctl calls of a script that imports the package, as strace saw them. */
async function prctlCalls(script: string): Promise<string[]> {
  const source = `import * as tracegate from '${DIST}/index.js';${script}`;
  const node = [process.execPath, '--input-type=module', '-e', source];
  const child = spawn('strace', ['-fqq', '-e', 'trace=prctl', '-e', 'signal=none', ...node], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const [trace, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  expect(code).toBe(0);
  return trace
    .split('\n')
    .flatMap(line => /prctl\((PR_SET_PTRACER|PR_[SG]ET_DUMPABLE)[^)]*\)/.exec(line)?.[0] ?? []);
}

it('a number that is no pid never reaches prctl', async () => {
  const calls = await prctlCalls(`
    for (const bad of [0, -1, 2 ** 31, 2 ** 32 + 1, 1.5, NaN, '12', undefined, null]) {
      try { tracegate.setPtracer(bad); process.exit(1); }
      catch (error) { if (error.code !== 'ERR_TRACEGATE_INVALID_PID') process.exit(2); }
      try { tracegate.probeSync(bad); process.exit(3); }
      catch (error) { if (error.code !== 'ERR_TRACEGATE_INVALID_PID') process.exit(4); }
    }`);
  expect(calls).toEqual([]);
});

it('each call is the prctl of its name, with every argument given', async () => {
  const calls = await prctlCalls(`
    tracegate.setPtracer('any');
    tracegate.setPtracer('none');
    tracegate.setDumpable('disabled');
    if (tracegate.getDumpable() !== 'disabled') process.exit(1);
    tracegate.setDumpable('user');`);
  expect(calls).toEqual([
    'prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY)',
    'prctl(PR_SET_PTRACER, 0)',
    'prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)',
    'prctl(PR_GET_DUMPABLE)',
    'prctl(PR_SET_DUMPABLE, SUID_DUMP_USER)',
  ]);
});

it('without Yama a declaration is unsupported, which is no exception', async () => {
  expect(readPtraceScope()).toEqual({ state: 'absent' });
  const target = await ObedientProcess.start();
  for (const tracer of ['any', 'none', process.pid, 2 ** 31 - 1]) {
    expect(await target.call('setPtracer', tracer)).toMatchObject({ tracer, effect: 'unsupported' });
  }
});

it('a value that prctl does not take is refused before it', async () => {
  const target = await ObedientProcess.start();
  for (const bad of ['root', 1, true]) {
    const refusal = target.call('setDumpable', bad);
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_TRACEGATE_INVALID_OPTION', name: 'TypeError' });
  }
  expect(await target.call('getDumpable')).toBe('user');
});
