// The table of debuggers, lib/policy/debuggers.ts, from which remedies, the audit's warnings and spawnDebugger()
// take their commands. The expected commands are those of each program's manual.
import { expect, it } from 'vitest';
import type { AccessMode } from '../../lib/policy/access/access-mode.js';
import type { Question } from '../../lib/policy/access/question.js';
import { DEBUGGERS } from '../../lib/policy/debuggers.js';
import { toolFor } from '../../lib/policy/remedies/tool.js';

const GDB = { attach: 'gdb -p 50', start: 'gdb --args PROGRAM' };

/** By the name of the program that runs, or is asked about. Where it can't do a thing, gdb does it. */
const COMMANDS: Record<string, { attach: string; start: string }> = {
  gdb: GDB,
  lldb: { attach: 'lldb -p 50', start: 'lldb -- PROGRAM' },
  strace: { attach: 'strace -p 50', start: 'strace PROGRAM' },
  ltrace: { attach: 'ltrace -p 50', start: 'ltrace PROGRAM' },
  rr: GDB,
  dlv: { attach: 'dlv attach 50', start: 'dlv exec PROGRAM' },
  valgrind: GDB,
  vgdb: { ...GDB, attach: 'vgdb --pid=50' },
  gcore: { ...GDB, attach: 'gcore 50' },
  'eu-stack': { ...GDB, attach: 'eu-stack -p 50' },
  pstack: { ...GDB, attach: 'pstack 50' },
  'py-spy': { attach: 'py-spy dump --pid 50', start: 'py-spy record -- python PROGRAM' },
  rbspy: { attach: 'rbspy snapshot --pid 50', start: 'rbspy record -- ruby PROGRAM' },
  criu: { ...GDB, attach: 'criu dump -t 50' },
  reptyr: { ...GDB, attach: 'reptyr 50' },
  'dotnet-dump': { ...GDB, attach: 'dotnet-dump collect -p 50' },
  createdump: { ...GDB, attach: 'createdump 50' },
  perf: GDB,
  'some-app': GDB,
};

function commands(question: { mode: AccessMode; tracer: { comm: string }; program?: unknown }) {
  const { attach, start } = toolFor(question as Question);
  return { attach: attach(50), start };
}

it('each debugger of the table has its commands here', () => {
  const { 'some-app': _, ...known } = COMMANDS;
  expect(Object.keys(known)).toEqual(Object.keys(DEBUGGERS));
});

it.each(Object.entries(COMMANDS))('the commands of a tracer %s are %o', (comm, expected) => {
  expect(commands({ mode: 'attach', tracer: { comm } })).toEqual(expected);
});

it('a program by its path keeps that path, and an unknown one has no words', () => {
  const by = (path: string, mode: AccessMode = 'attach') =>
    commands({ mode, tracer: { comm: 'sh' }, program: { file: { path } } });
  expect(by('/opt/a b/strace')).toEqual({
    attach: "'/opt/a b/strace' -p 50",
    start: "'/opt/a b/strace' PROGRAM",
  });
  expect(by('/usr/bin/gcore')).toEqual({ ...GDB, attach: '/usr/bin/gcore 50' });
  expect(by('/opt/mine')).toEqual({ attach: '/opt/mine …', start: '/opt/mine …' });
  expect(by('/usr/bin/rr')).toEqual({ attach: '/usr/bin/rr …', start: '/usr/bin/rr …' });
  expect(by('/usr/bin/gdb', 'perf')).toEqual({ attach: '/usr/bin/gdb …', start: '/usr/bin/gdb …' });
  expect(by('/usr/bin/perf', 'perf')).toEqual({
    attach: '/usr/bin/perf record -p 50',
    start: '/usr/bin/perf record PROGRAM',
  });
});

it('perf is the tool of its own mode, whoever asks', () => {
  const expected = { attach: 'perf record -p 50', start: 'perf record PROGRAM' };
  expect(commands({ mode: 'perf', tracer: { comm: 'gdb' } })).toEqual(expected);
  expect(commands({ mode: 'perf', tracer: { comm: 'perf' } })).toEqual(expected);
});
