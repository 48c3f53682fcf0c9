// The running tracers that a stricter scope would refuse, as `remediate` names them beforehand. test/differential
// shows that the model behind it is right.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { impactOf } from '../../lib/audit/remediate/impact.js';
import { openFileTree } from '../../lib/audit/tree/file-tree.js';
import { observe } from '../../lib/kernel/host.js';
import { AS_USER, sleeper, statusField, straceAttaches } from '../helpers/processes.js';
import { labScope, scope } from './scope.js';

const tracersAt = (to: 0 | 1 | 2 | 3) =>
  impactOf(openFileTree(''), observe(), 0, to).tracers.map(
    ({ pid, target, by, reattach }) => `${pid} ${target.pid} ${by} ${reattach}`,
  );

describe.runIf(labScope !== null && scope === 0)('from 0 (in the lab)', () => {
  it('a sibling that traces could not attach again at 1', async () => {
    const target = await sleeper(AS_USER);
    const strace = await straceAttaches(target.pid, AS_USER);
    const told = `${strace!.pid} ${target.pid} attach`;
    expect(tracersAt(0)).toEqual([]);
    // Unless it has declared it, which can't be seen.
    expect(tracersAt(1)).toContain(`${told} unknown`);
    for (const to of [2, 3] as const) expect(tracersAt(to)).toContain(`${told} denied`);
    await strace!.detach();
    expect(tracersAt(1)).toEqual([]);
  });

  it('a program could not be started under its debugger at 2', async () => {
    const strace = spawn('strace', ['-qqo', '/dev/null', 'cat'], {
      ...AS_USER,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void strace.stdin.end());
    strace.stdin.write('x');
    await once(strace.stdout, 'data');
    const children = readFileSync(`/proc/${strace.pid}/task/${strace.pid}/children`, 'utf8');
    const child = Number(children.trim());
    expect(statusField(child, 'TracerPid')).toBe(`${strace.pid}`);
    const told = `${strace.pid} ${child} traceme denied`;
    expect(tracersAt(1)).not.toContain(told);
    for (const to of [2, 3] as const) expect(tracersAt(to)).toContain(told);
  });
});
