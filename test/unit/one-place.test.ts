// Knowledge that only one file of the code may have. A second file with the same knowledge would differ some day.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../helpers/processes.js';

const SOURCES = ['lib', 'native'].flatMap(room =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(c?ts|cc|h)$/.test(name))
    .map(name => `${room}/${name}`),
);

/** The text without its comments. */
const codeOf = (file: string) =>
  readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');

const CODE = new Map(SOURCES.map(file => [file, codeOf(file)]));

it.each([
  [
    'the line TracerPid of status',
    /["']TracerPid/,
    ['lib/kernel/proc-status.ts', 'native/proc/status_line.h'],
  ],
  [
    'the end of the name in stat, from which its fields are counted',
    /lastIndexOf\('\)'\)|rfind\('\)'\)|strrchr\(\w+, '\)'\)/,
    // tree.cc is linked into programs of any C library, and to nothing else of ours.
    ['lib/kernel/proc-status.ts', 'native/launch/tree.cc', 'native/proc/process_files.cc'],
  ],
  [
    'what is private in Node: events, listeners, handles, answers',
    /'internalMessage'|NODE_DEBUG_ENABLED'|_getActiveHandles|\b_handle\b|\b_eval\b|'doWriteHeapSnapshot'|'WebSockets request/,
    ['lib/kernel/node-internals.ts'],
  ],
  [
    "the name of Node's program",
    /node\(js\)\?|"nodejs"/,
    ['lib/kernel/node-internals.ts', 'native/proc/process_files.cc'],
  ],
  [
    'the names of debuggers',
    /['"](gdb|lldb|strace|ltrace|gcore|py-spy|dlv|criu|reptyr)['"]|\bgdb:|\bstrace:/,
    // How they are called, and what they lose at a scope.
    ['lib/policy/debuggers.ts', 'lib/audit/remediate/tracing-tools.ts'],
  ],
  [
    'the ways of run --deny',
    /['"](sealed|detached|preload)['"]/,
    ['lib/kernel/launch-options.ts', 'native/launch/options.cc'],
  ],
  [
    "the launcher's inner options",
    /['"`]--(hold-fd|remove-socket|die-with-parent|environment|setenv)['"`=]/,
    ['native/launch/options.cc'],
  ],
  [
    "how an error of another realm is told: no `instanceof` of JavaScript's or Node's classes",
    new RegExp(`instanceof (${Object.getOwnPropertyNames(globalThis).join('|')})\\b`),
    ['lib/is-error.ts'],
  ],
  ["a symbol of Node's", /_ZN4node/, ['native/node/signal_handler.cc']],
])('one file of each language knows %s', (_, pattern, files) => {
  expect([...CODE].filter(([, code]) => pattern.test(code)).map(([file]) => file)).toEqual(files);
});
