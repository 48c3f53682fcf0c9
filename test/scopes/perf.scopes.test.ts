// perf is no tracer to Yama: perf_event_open(2) asks for PTRACE_MODE_READ_REALCREDS, which only credentials and dumpability
// decide (kernel/events/core.c, perf_check_permission), beside kernel.perf_event_paranoid.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { compile } from '../helpers/compile.js';
import { AS_USER, closedTarget, sleeper } from '../helpers/processes.js';
import { labScope, scopeName } from './scope.js';

const PARANOID = '/proc/sys/kernel/perf_event_paranoid';
const asked = (pid: number) =>
  spawnSync(compile('perf-open.c'), [`${pid}`], { ...AS_USER, encoding: 'utf8' }).stdout.trim();

// User-Mode Linux has no perf events.
describe.runIf(labScope !== null && existsSync(PARANOID))(
  `perf on a sibling at ${scopeName} (a kernel with perf events)`,
  () => {
    it('needs no declaration, and a process that has opted out is closed to it', async () => {
      const before = readFileSync(PARANOID, 'utf8');
      onTestFinished(() => writeFileSync(PARANOID, before));
      writeFileSync(PARANOID, '2');
      const { pid } = await sleeper(AS_USER);
      expect(asked(pid)).toBe('opened');
      expect(asked((await closedTarget()).pid)).toBe('EACCES');
    });
  },
);
